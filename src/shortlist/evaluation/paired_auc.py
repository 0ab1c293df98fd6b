"""The difference of two models' AUC on the same rows, with an interval by resampling users."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.bootstrap import Interval

__all__ = ["paired_auc_interval"]


def paired_auc_interval(
    a: Array, b: Array, label: Array, cluster: Array, *, rng: Rng, draws: int = 1000, level: float = 0.95
) -> Interval:
    """The mean over S trainings of ``AUC(a_s) - AUC(b_s)``, users drawn with replacement, the same for all.

    An AUC is no mean of rows, so each draw counts its pairs anew: a row that is drawn ``c`` times is ``c`` rows. Scores
    are sorted once; a draw costs one pass over the rows a model.

    Args:
        a: ``(S, N)`` scores of one system, a row a training (seed).
        b: ``(S', N)`` of the other.
        label: ``(N,)``, 1 or True is a positive.
        cluster: ``(N,)``, whom each row belongs to.
        rng: a generator or a seed.
        draws: bootstrap draws.
        level: of the interval.

    Raises:
        DataError: there is no positive or no negative.

    Example:
        >>> paired_auc_interval(
        ...     np.array([[0.1, 0.9, 0.2, 0.8]]), np.array([[0.5] * 4]), [0, 1, 0, 1], [0, 0, 1, 1], rng=0, draws=99
        ... )
        Interval(estimate=0.5, low=0.5, high=0.5, level=0.95, n_clusters=2)
    """
    positive = np.asarray(label, dtype=bool)
    if positive.all() or not positive.any():
        raise DataError("the labels are all alike", where="label", fix="judge rows of both kinds")
    names, whose = np.unique(np.asarray(cluster), return_inverse=True)
    whose, random = whose.reshape(-1), generator(rng)
    sides = [[_Sorted(score, positive) for score in np.atleast_2d(side)] for side in (a, b)]

    def difference(times: Float64) -> float:
        ours, theirs = (np.mean([one.auc(times) for one in side]) for side in sides)
        return float(ours - theirs)

    estimate = difference(np.ones(len(positive)))
    drawn = np.empty(draws)
    for draw in range(draws):
        times = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names)).astype(np.float64)
        drawn[draw] = difference(times[whose])
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(drawn, [tail, 1.0 - tail])
    return Interval(estimate, float(low), float(high), level, len(names))


class _Sorted:
    """Rows in the order of a score, of which each may count several times."""

    def __init__(self, score: Array, positive: Array) -> None:
        value = np.asarray(score, dtype=np.float64)
        self._order = np.argsort(value, kind="stable")
        self._positive = np.asarray(positive, dtype=np.float64)[self._order]
        self._starts = np.flatnonzero(np.append(True, np.diff(value[self._order]) != 0.0))

    def auc(self, times: Float64) -> float:
        """With ``times`` ``(N,)``, how often each row counts; NaN where no positive or no negative does."""
        count = times[self._order]
        positive = np.add.reduceat(count * self._positive, self._starts)
        negative = np.add.reduceat(count, self._starts) - positive
        pairs = positive.sum() * negative.sum()
        won = positive @ (np.cumsum(negative) - 0.5 * negative)
        return float(won / pairs) if pairs else float("nan")
