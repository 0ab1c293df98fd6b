"""Matrix products in bfloat16 with float32 sums, on processors that can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["bf16_matmul"]


@contextmanager
def bf16_matmul(*, wanted: bool) -> Iterator[None]:
    """Torch may round the factors of float32 products to bfloat16 inside; weights, sums and results stay float32.

    With AMX a softmax of 8,192 by 8,192 takes about two thirds of the time (``benchmarks two_tower``). Where the
    processor has no such instructions, nothing changes.

    Args:
        wanted: false leaves everything as it is.
    """
    before = torch.get_float32_matmul_precision()
    if wanted:
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
