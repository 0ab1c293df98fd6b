"""Intervals by resampling whole users (or other clusters), because rows of one user are not independent.

Percentile intervals over draws of clusters with replacement (Efron & Tibshirani, An Introduction to the Bootstrap,
1993, sections 8.6 and 13.3; for clusters, Davison & Hinkley, 1997, section 3.8). All draws are made from per-cluster
sums, so a draw costs as much as there are clusters, however many rows there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator

__all__ = ["Interval", "cluster_sums", "clustered_interval", "paired_interval", "ratio_interval", "resample"]

_BLOCK = 100_000
"""Clusters that are drawn at once; where there are few of them, many draws are made together."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and what else it might have been.

    Attributes:
        estimate: on the rows as they are.
        low: lower end.
        high: upper end.
        level: the share of such intervals that hold the true value, 0.95 for example.
        n_clusters: how many users (or other clusters) it rests on.
    """

    estimate: float
    low: float
    high: float
    level: float
    n_clusters: int


def clustered_interval(value: Array, cluster: Array, *, rng: Rng, draws: int = 1000, level: float = 0.95) -> Interval:
    """The mean of rows; rows with NaN (a list with nothing relevant) are left out.

    Args:
        value: ``(N,)``.
        cluster: ``(N,)``, whom each row belongs to.
        rng: a generator or a seed.
        draws: bootstrap draws.
        level: of the interval.

    Raises:
        DataError: no row is left.

    Example:
        >>> clustered_interval(np.array([1.0, 3.0]), np.array([7, 8]), rng=0, draws=200)
        Interval(estimate=2.0, low=1.0, high=3.0, level=0.95, n_clusters=2)
    """
    numerator = np.asarray(value, dtype=np.float64)
    return ratio_interval(numerator, np.ones(len(numerator)), cluster, rng=rng, draws=draws, level=level)


def paired_interval(
    a: Array, b: Array, cluster: Array, *, rng: Rng, draws: int = 1000, level: float = 0.95
) -> Interval:
    """The mean of ``a - b`` over the same rows: what they share cancels, and the interval is narrower for it.

    Args:
        a: ``(N,)``, for example the NDCG of each list under one ranker.
        b: ``(N,)``, under the other.
        cluster: ``(N,)``, whom each row belongs to.
        rng: a generator or a seed.
        draws: bootstrap draws.
        level: of the interval.

    Raises:
        DataError: no row is left.
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return clustered_interval(difference, cluster, rng=rng, draws=draws, level=level)


def ratio_interval(
    numerator: Array, denominator: Array, cluster: Array, *, rng: Rng, draws: int = 1000, level: float = 0.95
) -> Interval:
    """``sum(numerator) / sum(denominator)``, for example predicted over observed; rows with NaN are left out.

    Args:
        numerator: ``(N,)``.
        denominator: ``(N,)``.
        cluster: ``(N,)``, whom each row belongs to.
        rng: a generator or a seed.
        draws: bootstrap draws.
        level: of the interval.

    Raises:
        DataError: no row is left, or the denominators sum to 0.

    Example:
        >>> round(ratio_interval(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([0, 0]), rng=0).estimate, 3)
        1.5
    """
    rows = np.column_stack([np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)])
    usable = ~np.isnan(rows).any(axis=1)
    if not usable.any() or rows[usable, 1].sum() == 0.0:
        raise DataError(
            "there is nothing to divide by", where="bootstrap", fix="give at least one row that can be measured"
        )
    sums = cluster_sums(rows[usable], np.asarray(cluster)[usable])
    drawn = resample(sums, rng=rng, draws=draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = drawn[:, 0] / drawn[:, 1]
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(ratios, [tail, 1.0 - tail])
    total = sums.sum(axis=0)
    return Interval(float(total[0] / total[1]), float(low), float(high), level, len(sums))


def cluster_sums(rows: Float64, cluster: Array) -> Float64:
    """The sum of each column over each cluster's rows.

    Args:
        rows: float64 ``(N, m)``.
        cluster: ``(N,)``.

    Returns:
        float64 ``(G, m)``, clusters in sorted order.
    """
    _, index = np.unique(np.asarray(cluster), return_inverse=True)
    g: Int64 = index.reshape(-1).astype(np.int64)
    n_clusters = int(g.max()) + 1 if len(g) else 0
    return np.column_stack([np.bincount(g, weights=column, minlength=n_clusters) for column in rows.T])


def resample(sums: Float64, *, rng: Rng, draws: int) -> Float64:
    """Column sums over clusters drawn with replacement.

    Args:
        sums: float64 ``(G, m)``, one row a cluster.
        rng: a generator or a seed.
        draws: how many times.

    Returns:
        float64 ``(draws, m)``.
    """
    random = generator(rng)
    n_clusters = len(sums)
    drawn = np.empty((draws, sums.shape[1]))
    block = max(1, _BLOCK // max(n_clusters, 1))
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        picked = random.integers(n_clusters, size=(rows, n_clusters)) + np.arange(rows)[:, None] * n_clusters
        times = np.bincount(picked.ravel(), minlength=rows * n_clusters).reshape(rows, n_clusters)
        drawn[start : start + rows] = times @ sums
    return drawn
