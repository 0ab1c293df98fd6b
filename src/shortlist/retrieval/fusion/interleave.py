"""Weighted interleaving: sources take turns, those with more weight more often."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.candidates import Candidates

__all__ = ["interleave"]


def interleave(candidates: Candidates, weights: Mapping[str, float]) -> Float64:
    """``max over sources s that found the row of weight_s / rank_s``, ranks from 1: float64 ``(N,)``.

    A source's n-th item has its turn at time n / weight, as in stride scheduling (Waldspurger & Weihl, 1995), so that
    in any first stretch of the list a source of weight 2 has placed twice as many items as one of weight 1. An item
    that several sources found takes the earliest of its turns. Where reciprocal rank fusion asks whom many sources
    agree on, this asks whom any one source is sure of.

    Args:
        candidates: a merged batch.
        weights: the weight of a source, 1 where it is not named; a source of weight 0 comes last.

    Example:
        >>> from shortlist.core.candidates import merge
        >>> offsets = np.array([0, 3])
        >>> a = Candidates.found("a", offsets, np.array([1, 2, 3]), np.array([.9, .8, .7]))
        >>> b = Candidates.found("b", offsets, np.array([7, 8, 3]), np.array([5., 4., 3.]))
        >>> both = merge([a, b])
        >>> both.item[np.argsort(-interleave(both, {"a": 2.1}))].tolist()
        [1, 2, 7, 3, 8]
    """
    weight = np.array([weights.get(name, 1.0) for name in candidates.source_names])
    rank = candidates.source_rank
    turn: Float64 = np.where(rank >= 0, weight / np.maximum(rank + 1.0, 1.0), 0.0).max(axis=1, initial=0.0)
    return turn
