"""Normalised discounted cumulative gain."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64, Ragged
from shortlist.evaluation.ranked import ranked

__all__ = ["ndcg"]


def ndcg(
    score: Array, grade: Array, item: Array, offsets: Int64, *, ideal: Ragged | None = None, k: int | None = 10
) -> Float64:
    r"""NDCG@k of each list, with linear gain.

    ``DCG@k = sum over ranks i = 1..k of grade_i / log2(i + 1)``, divided by the DCG@k of the best possible order
    (Järvelin & Kekäläinen, ACM TOIS 20(4), 2002; the discount of trec_eval). For exponential gain, pass
    ``2**grade - 1`` as the grade.

    Args:
        score: ``(N,)``; ties are broken by item, highest first, as trec_eval does by document name.
        grade: ``(N,)``; 0 is irrelevant, and so is what was not judged. Negative grades count as 0.
        item: int ``(N,)``.
        offsets: int64 ``(R + 1,)``.
        ideal: the grades of **all** judged items of each list. Without it the list's own rows are taken for all that
            was judged, which flatters a retriever that misses relevant items.
        k: how many ranks count; None for all.

    Returns:
        float64 ``(R,)`` in [0, 1]; NaN where nothing relevant was judged.

    Example:
        >>> ndcg(np.array([3.0, 2.0, 1.0]), np.array([0, 1, 0]), np.array([1, 2, 3]), np.array([0, 3])).round(8)
        array([0.63092975])
    """
    n_lists = len(offsets) - 1
    by_score = ranked(score, item, offsets)
    gain = np.asarray(grade, dtype=np.float64)
    found = _dcg(gain[by_score.order], by_score.rank, by_score.list_, n_lists, k)
    if ideal is None:
        best = ranked(gain, item, offsets)
        judged = gain
    else:
        best = ranked(ideal.values, np.zeros(len(ideal.values), dtype=np.int64), ideal.offsets)
        judged = ideal.values.astype(np.float64)
    possible = _dcg(judged[best.order], best.rank, best.list_, n_lists, k)
    normalised: Float64 = np.divide(found, possible, out=np.full(n_lists, np.nan), where=possible > 0)
    return normalised


def _dcg(gain: Float64, rank: Int64, list_: Int64, n_lists: int, k: int | None) -> Float64:
    discounted: Float64 = np.maximum(gain, 0.0) / np.log2(rank + 2.0)
    if k is not None:
        discounted = np.where(rank < k, discounted, 0.0)
    return np.bincount(list_, weights=discounted, minlength=n_lists).astype(np.float64)
