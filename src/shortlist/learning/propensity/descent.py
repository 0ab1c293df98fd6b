"""What the rankers of this room are trained by: a scorer drawn by a seed, and Adam over parts in random order.

Imports torch, so nothing that serves may import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.propensity.click_scorer import ClickScorer

__all__ = ["descend", "drawn_scorer"]


def drawn_scorer(features: Float64, *, hidden: int, draw: np.random.Generator) -> ClickScorer:
    """A scorer whose weights depend on ``draw`` alone; torch's own state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(draw.integers(2**31)))
        return ClickScorer(features, hidden=hidden)


def descend(
    loss: Callable[[Tensor], Tensor],
    parameters: Iterable[Tensor],
    rows: Int64,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    draw: np.random.Generator,
) -> None:
    """Adam on ``loss`` of some rows at a time, in an order drawn anew each epoch.

    Args:
        loss: of the rows with these numbers, int64 ``(B,)``.
        parameters: that it depends on; changed in place.
        rows: the numbers to draw from.
        epochs: over the rows.
        batch: rows a step.
        learning_rate: of Adam.
        draw: of the order.
    """
    search = torch.optim.Adam(list(parameters), lr=learning_rate)
    for _ in range(epochs):
        order = draw.permutation(rows)
        for start in range(0, len(order), batch):
            search.zero_grad()
            loss(torch.from_numpy(order[start : start + batch])).backward()  # type: ignore[no-untyped-call]
            search.step()
