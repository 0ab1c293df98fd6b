"""Area under the ROC curve: how often a positive outscores a negative."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.evaluation.ranked import segments

__all__ = ["auc", "grouped_auc"]


def auc(score: Array, label: Array) -> float:
    """P(score of a positive > score of a negative) + P(they are equal) / 2, over all pairs (Mann & Whitney, 1947).

    Args:
        score: ``(N,)``.
        label: ``(N,)``, 1 or True is a positive.

    Returns:
        In [0, 1]; NaN where there is no positive or no negative.

    Example:
        >>> auc(np.array([0.9, 0.5, 0.5]), np.array([1, 1, 0]))
        0.75
    """
    return float(grouped_auc(score, label, np.array([0, len(np.asarray(score))]))[0])


def grouped_auc(score: Array, label: Array, offsets: Int64) -> Float64:
    """The AUC inside each list, pairs of different lists left out.

    Args:
        score: ``(N,)``.
        label: ``(N,)``, 1 or True is a positive.
        offsets: int64 ``(R + 1,)``.

    Returns:
        float64 ``(R,)`` in [0, 1]; NaN where a list has no positive or no negative.

    Example:
        >>> grouped_auc(np.array([1.0, 2.0, 9.0, 3.0]), np.array([1, 0, 1, 0]), np.array([0, 2, 4])).tolist()
        [0.0, 1.0]
    """
    value = np.asarray(score, dtype=np.float64)
    list_ = segments(offsets, len(value))
    n_lists = len(offsets) - 1
    order = np.lexsort((value, list_))
    positive = np.asarray(label, dtype=bool)[order]
    # Equal scores of one list form a run, and share the middle of the run's ranks.
    ordered = value[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(ordered) != 0) | (np.diff(list_) != 0)][: len(value)])
    length = np.diff(np.r_[starts, len(value)])
    middle = starts + (length + 1) / 2
    rank = np.repeat(middle, length) - np.asarray(offsets)[list_]
    n_positive = np.bincount(list_[positive], minlength=n_lists).astype(np.float64)
    n_negative = np.bincount(list_[~positive], minlength=n_lists).astype(np.float64)
    rank_sum = np.bincount(list_[positive], weights=rank[positive], minlength=n_lists)
    pairs = n_positive * n_negative
    won = rank_sum - n_positive * (n_positive + 1) / 2
    area: Float64 = np.divide(won, pairs, out=np.full(n_lists, np.nan), where=pairs > 0)
    return area
