"""Weights of the sources, fitted on positives that the sources did not learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shortlist.core.arrays import Float64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.errors import DataError
from shortlist.evaluation.metrics.ndcg import ndcg

__all__ = ["RankScore", "fit_weights"]

RankScore = Callable[[Candidates, Mapping[str, float]], Float64]
"""``reciprocal_rank`` or ``interleave``."""

GRID = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_SWEEPS = 3


def fit_weights(
    candidates: Candidates, wanted: Ragged, score: RankScore, *, k: int = 100, grid: tuple[float, ...] = GRID
) -> dict[str, float]:
    """The weights with the highest mean NDCG@k, by coordinate ascent over a grid (Metzler & Croft, IR 10(3), 2007).

    The metric is a step function of the weights, so no gradient exists; from equal weights, one source after the
    other takes the value of the grid that does best while the rest stand, three times round at most. A tie keeps what
    stands. With seven values and a handful of sources on hundreds of requests there is little to overfit.

    Args:
        candidates: a merged batch of requests later than what the sources learned from.
        wanted: the positives of each request as catalogue keys, held out from the sources.
        score: how weights and ranks become an order.
        k: ranks that count.
        grid: the values tried.

    Returns:
        A weight a source, the greatest of them 1.

    Raises:
        DataError: no request has a positive.
    """
    if not len(wanted.values):
        raise DataError(
            "there is no positive to fit weights on", where="fit_weights", fix="hold out a later cut of the positives"
        )
    hit = wanted.contains(candidates.request_index, candidates.item).astype(np.float64)
    ideal = Ragged(np.ones(len(wanted.values), dtype=np.int64), wanted.offsets)

    def quality(weights: Mapping[str, float]) -> float:
        fused = score(candidates, weights)
        return float(np.nanmean(ndcg(fused, hit, candidates.item, candidates.request_offsets, ideal=ideal, k=k)))

    weights = dict.fromkeys(candidates.source_names, 1.0)
    best = quality(weights)
    for _ in range(_SWEEPS):
        before = best
        for name in candidates.source_names:
            for value in grid:
                tried = {**weights, name: value}
                reached = quality(tried) if any(tried.values()) else 0.0
                if reached > best:
                    best, weights = reached, tried
        if best == before:
            break
    greatest = max(weights.values())
    return {name: value / greatest for name, value in weights.items()}
