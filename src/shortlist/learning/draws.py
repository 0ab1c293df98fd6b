"""What a training step draws, from a generator that belongs to the thread and depends on the step alone.

Torch's own dropout draws from one generator of the process, so that two threads would draw in an order of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Dropout", "drawing", "forget_ids"]

_HELD = threading.local()


@contextmanager
def drawing(*key: int) -> Iterator[None]:
    """Everything of this file that is drawn inside, on this thread, depends on ``key`` alone."""
    before = getattr(_HELD, "generator", None)
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
    _HELD.generator = torch.Generator().manual_seed(seed)
    try:
        yield
    finally:
        _HELD.generator = before


def _generator() -> torch.Generator | None:
    held: torch.Generator | None = getattr(_HELD, "generator", None)
    return held


class Dropout(nn.Module):
    """Each unit is 0 with chance p while training, the others are multiplied by 1 / (1 - p) (Srivastava et al. 2014).

    Args:
        p: in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of any shape."""
        if not self.training or self.p == 0.0:
            return x
        kept = torch.rand(x.shape, generator=_generator()) >= self.p
        return x * kept.mul(1.0 / (1.0 - self.p))


def forget_ids(ids: Tensor, share: float) -> Tensor:
    """Ids of any shape, each 0 with chance ``share``: so that row 0, the unknown id, learns what to be.

    Without it row 0 meets no example: vocabularies are made from the rows that are trained on, and an id that turns up
    later would be scored by an untrained row.

    Example:
        >>> with drawing(0):
        ...     share = (forget_ids(torch.ones(10_000, dtype=torch.int64), 0.1) == 0).float().mean().item()
        >>> 0.09 < share < 0.11
        True
    """
    return ids.masked_fill(torch.rand(ids.shape, generator=_generator()) < share, 0) if share > 0.0 else ids
