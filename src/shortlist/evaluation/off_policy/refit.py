"""Intervals that refit their nuisances: whatever was fitted to the log is fitted anew to every draw of it.

The influence values of a DR estimate take its outcome model and propensities as given. Where they were estimated on the
same rows, a bootstrap that repeats the whole procedure, fit and estimate, carries their error too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.bootstrap import Interval

__all__ = ["refit_interval", "refit_intervals"]


def refit_interval(
    procedure: Callable[[Int64], float], cluster: Array, *, draws: int = 200, level: float = 0.95, rng: Rng
) -> Interval:
    """The percentile interval of a procedure over clusters drawn with replacement.

    Args:
        procedure: fits and estimates on the rows it is given, int64, some of them several times.
        cluster: ``(N,)``, whom each row belongs to; ``np.arange(N)`` for independent rows.
        draws: how often all is repeated.
        level: of the interval.
        rng: a generator or a seed.

    Raises:
        DataError: fewer than two clusters.

    Example:
        >>> x = np.random.default_rng(0).normal(1.0, 1.0, 400)
        >>> found = refit_interval(lambda rows: float(x[rows].mean()), np.arange(400), rng=0)
        >>> found.low < 1.0 < found.high
        True
    """

    def one(rows: Int64) -> Float64:
        return np.array([procedure(rows)])

    return refit_intervals(one, cluster, draws=draws, level=level, rng=rng)[0]


def refit_intervals(
    procedure: Callable[[Int64], Float64],
    cluster: Array,
    *,
    within: Int64 | None = None,
    draws: int = 200,
    level: float = 0.95,
    rng: Rng,
) -> tuple[Interval, ...]:
    """The same for a procedure with several results, ``(m,)``, which share what it fits.

    Args:
        procedure: as for ``refit_interval``.
        cluster: ``(N,)``.
        within: int64 ``(N,)``, the part of the rows, for example the half, that each row's whole cluster belongs to:
            clusters are drawn part by part, so that every part keeps as many. None for one part.
        draws: how often all is repeated.
        level: of the intervals.
        rng: a generator or a seed.

    Raises:
        DataError: fewer than two clusters, as in ``refit_interval``.
    """
    random = generator(rng)
    _, of = np.unique(np.asarray(cluster), return_inverse=True)
    order = np.argsort(of, kind="stable")
    lengths = np.bincount(of)
    starts, groups = np.cumsum(lengths) - lengths, len(lengths)
    if groups < 2:
        raise DataError(f"{groups} clusters", where="refit", fix="give at least two")
    part = np.zeros(groups, dtype=np.int64) if within is None else within[order[starts]]
    parts = [np.flatnonzero(part == one) for one in np.unique(part)]
    found = []
    for _ in range(draws):
        picked = np.concatenate([own[random.integers(len(own), size=len(own))] for own in parts])
        n = lengths[picked]
        within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        found.append(procedure(order[np.repeat(starts[picked], n) + within]))
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(np.stack(found), [tail, 1.0 - tail], axis=0)
    estimates = procedure(np.arange(len(of)))
    return tuple(
        Interval(float(e), float(a), float(b), level, groups) for e, a, b in zip(estimates, low, high, strict=True)
    )
