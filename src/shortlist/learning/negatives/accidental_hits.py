"""Accidental hits: drawn negatives that are the positive itself."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Int64

__all__ = ["accidental_hits"]


def accidental_hits(positive: Int64, row: Int64) -> tuple[Int64, Int64]:
    """Which negatives are their positive's own row, as pairs: places in the batch, places among the negatives.

    They are to be left out of the sampled sum, which the positive enters once and with weight 1 (see ``Negatives``).

    Args:
        positive: ``(B,)``.
        row: ``(m,)`` shared by the batch, or ``(B, m)``.

    Returns:
        int64 ``(H,)`` each; by place in the batch, rising.

    Example:
        >>> b, c = accidental_hits(np.array([7, 3, 9]), np.array([3, 7, 7]))
        >>> b.tolist(), c.tolist()
        ([0, 0, 1], [1, 2, 0])
    """
    if row.ndim == 2:
        batch, place = np.nonzero(row == positive[:, None])
        return batch, place
    order = np.argsort(row, kind="stable")
    ranked = row[order]
    first, end = np.searchsorted(ranked, positive, side="left"), np.searchsorted(ranked, positive, side="right")
    times = end - first
    batch = np.repeat(np.arange(len(positive)), times)
    within = np.arange(len(batch)) - np.repeat(np.cumsum(times) - times, times)
    return batch, order[np.repeat(first, times) + within]
