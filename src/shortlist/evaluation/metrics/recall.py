"""Recall at k: the share of what is relevant that a list holds in its first k ranks."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.evaluation.ranked import ranked

__all__ = ["recall"]


def recall(
    score: Array, relevant: Bool, item: Array, offsets: Int64, *, n_relevant: Int64 | None = None, k: int | None = None
) -> Float64:
    """Recall@k of each list: relevant rows in the first k ranks over all that is relevant.

    Args:
        score: ``(N,)``; ties are broken by item, highest first.
        relevant: bool ``(N,)``.
        item: int ``(N,)``.
        offsets: int64 ``(R + 1,)``.
        n_relevant: int64 ``(R,)``, how many items are relevant in all, found or not. Without it, those in the list.
        k: how many ranks count; None for all.

    Returns:
        float64 ``(R,)`` in [0, 1]; NaN where nothing is relevant.

    Example:
        >>> hit = np.array([True, False, True])
        >>> recall(np.array([3.0, 2.0, 1.0]), hit, np.array([7, 8, 9]), np.array([0, 3]), n_relevant=np.array([4]), k=2)
        array([0.25])
    """
    n_lists = len(offsets) - 1
    place = ranked(score, item, offsets)
    hit = np.asarray(relevant, dtype=bool)[place.order]
    counted = hit if k is None else hit & (place.rank < k)
    found = np.bincount(place.list_[counted], minlength=n_lists).astype(np.float64)
    everything = np.bincount(place.list_[hit], minlength=n_lists) if n_relevant is None else np.asarray(n_relevant)
    share: Float64 = np.divide(found, everything, out=np.full(n_lists, np.nan), where=everything > 0)
    return share
