"""Training of small torch models on one thread: faster than several on matrices this small, and repeatable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch works on one thread inside.

    With batches of 512 and vectors of 64 the work of a step is too small to split, and where other processes hold
    the cores, threads that wait for each other take several times as long as one alone.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
