"""What the spread of lengths does to a whole catalogue: how much two meanings of "near" share, and who wins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float32, Float64, Int64
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.metric import Metric

__all__ = ["SPREADS", "Overlap", "overlap_of", "spread_out"]

SPREADS = tuple(range(0, 201, 25))
"""Percent of the learned spread."""


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Over all items that have a vector, each searched with its own; ``(S,)`` over ``SPREADS``.

    Attributes:
        cosine: mean share of the first k that dot and cosine have in common.
        distance: the same for dot and distance.
        shown: share of the items that are among the first k of another by dot.
        itself: share of the items that are their own first by dot.
    """

    cosine: Float64
    distance: Float64
    shown: Float64
    itself: Float64


def spread_out(factor: Float32, spread: float) -> Float32:
    """Vectors with the same directions and lengths to the power of ``spread``: at 0 all have the length 1."""
    length = np.linalg.norm(factor, axis=1, keepdims=True)
    usual = float(np.median(length[length > 0]))
    scaled = np.where(length > 0, (length / usual) ** spread / np.maximum(length, 1e-12), 0.0)
    return (factor * scaled).astype(np.float32)


def overlap_of(factor: Float32, k: int) -> Overlap:
    """Search every item's own vector by each meaning, at every spread.

    Args:
        factor: float32 ``(N, d)``, none of them zero.
        k: of the first that are looked at.
    """
    rows = []
    for percent in SPREADS:
        x = spread_out(factor, percent / 100.0)
        dot, cosine, distance = (
            ExactIndex(metric).build(x).search(x, min(k, len(x))).ids
            for metric in (Metric.DOT, Metric.COSINE, Metric.L2)
        )
        own = np.arange(len(x))
        among = np.zeros(len(x), dtype=np.bool_)
        among[dot[dot != own[:, None]]] = True
        rows.append((_shared(dot, cosine), _shared(dot, distance), among.mean(), (dot[:, 0] == own).mean()))
    return Overlap(*np.array(rows).T)


def _shared(one: Int64, other: Int64) -> float:
    """Mean share of a row of ``one`` that is in the same row of ``other``; neither holds an id twice."""
    return float((one[:, :, None] == other[:, None, :]).any(axis=2).mean())
