"""Weighted reciprocal rank fusion of merged candidates, with weights of any kind, without merging again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.candidates import RRF_K, Candidates

__all__ = ["reciprocal_rank"]


def reciprocal_rank(candidates: Candidates, weights: Mapping[str, float]) -> Float64:
    """``sum over sources s that found the row of weight_s / (60 + rank_s)``, ranks from 1: float64 ``(N,)``.

    What ``core.candidates.merge`` orders by (Cormack, Clarke & Büttcher, SIGIR 2009), for batches that are merged
    already.

    Args:
        candidates: a merged batch.
        weights: the weight of a source, 1 where it is not named.
    """
    weight = np.array([weights.get(name, 1.0) for name in candidates.source_names])
    rank = candidates.source_rank
    total: Float64 = (np.where(rank >= 0, 1.0 / (RRF_K + 1.0 + rank), 0.0) @ weight).astype(np.float64)
    return total
