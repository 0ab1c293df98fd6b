"""Counters and target statistics out of time: how often, and with what outcome, a key was met before an instant."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.features.event_index import EventIndex

__all__ = ["TargetStatistics", "smoothed_rate"]


class TargetStatistics:
    """Decayed counts and outcomes of each key, as of any instant.

        n(k, t) = sum over events i of k with t_i < t of 2^-((t - t_i) / half_life)
        y(k, t) = the same sum, each event times its outcome

    A key is an id, or a pair of ids as one number (``pair_keys``). Without a half-life all events count alike. A target
    statistic that has seen its own row leaks the label (Prokhorenkova et al., "CatBoost: unbiased boosting with
    categorical features", NeurIPS 2018, section 3); here it cannot: an event counts only later than it happened.

    Args:
        key: int64 ``(n,)``, not negative.
        at_us: int64 ``(n,)``, microseconds.
        outcome: ``(n, K)``, finite: 0 or 1 for a rate, any number for a mean; K outcomes share one index.
        half_life_us: microseconds; None for no decay.

    Raises:
        DataError: an outcome is not finite, a key is negative, or the half-life is not positive.

    Example:
        >>> clicks = TargetStatistics(np.array([5, 5]), np.array([0, 10]), np.array([[1], [0]]), half_life_us=10)
        >>> n, y = clicks.before(np.array([5, 5, 6]), np.array([10, 20, 20]))
        >>> n.tolist(), y.tolist()
        ([0.5, 0.75, 0.0], [[0.5], [0.25], [0.0]])
    """

    def __init__(self, key: Array, at_us: Array, outcome: Array, *, half_life_us: float | None = None) -> None:
        value = np.asarray(outcome, dtype=np.float64)
        if not np.isfinite(value).all():
            raise DataError("an outcome is not a finite number", where="outcome", fix="leave such events out")
        if half_life_us is not None and not half_life_us > 0:
            raise DataError(f"a half-life of {half_life_us}", where="half_life_us", fix="give microseconds above 0")
        self._index = EventIndex(key, at_us)
        order = self._index.order
        self._rate = 0.0 if half_life_us is None else float(np.log(2.0) / half_life_us)
        self._at = np.asarray(at_us, dtype=np.int64)[order]
        starts = np.concatenate([[True], np.diff(np.asarray(key, dtype=np.int64)[order]) != 0])[: len(order)]
        self._met, self._total = _running(starts, self._at, value[order], self._rate)

    def before(self, key: Array, at_us: Array, *, without_us: Array | None = None) -> tuple[Float64, Float64]:
        """``n`` ``(N,)`` and ``y`` ``(N, K)`` of each key as of each instant, float64; 0 where nothing was met.

        Args:
            key: int64 ``(N,)``.
            at_us: int64 ``(N,)``.
            without_us: int64 ``(N, 2)``: events from the first instant on and before the second one do not count.

        Example:
            >>> clicks = TargetStatistics(np.array([5, 5, 5]), np.array([0, 10, 20]), np.array([[1], [0], [1]]))
            >>> n, y = clicks.before(np.array([5]), np.array([30]), without_us=np.array([[10, 20]]))
            >>> n.tolist(), y.tolist()
            ([2.0], [[2.0]])
        """
        met, total = self._before(key, at_us)
        if without_us is None:
            return met, total
        at = np.asarray(at_us, dtype=np.int64)
        start, until = (np.minimum(edge, at) for edge in np.asarray(without_us, dtype=np.int64).T)
        for sign, edge in ((-1.0, np.maximum(until, start)), (1.0, start)):
            n, y = self._before(key, edge)
            faded = sign * np.exp(-self._rate * (at - edge))
            met, total = met + faded * n, total + faded[:, None] * y
        return np.maximum(met, 0.0), total

    def _before(self, key: Array, at_us: Array) -> tuple[Float64, Float64]:
        first, end = self._index.before(key, at_us)
        if not len(self._index):
            return np.zeros(len(first)), np.zeros((len(first), self._total.shape[1]))
        last = np.maximum(end - 1, 0)
        age = np.maximum(np.asarray(at_us, dtype=np.int64) - self._at[last], 0)
        faded = np.where(end > first, np.exp(-self._rate * age), 0.0)
        return self._met[last] * faded, self._total[last] * faded[:, None]


def smoothed_rate(met: Array, total: Array, prior: Array | float, strength: float) -> Float64:
    """``(total + strength · prior) / (met + strength)``: the posterior mean under a Beta prior of that many events.

    Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", SIGKDD Explorations 3(1), 2001.

    Args:
        met: events, of any shape that goes with ``total``.
        total: their outcomes' sum.
        prior: what is believed of a key without events; a number or of ``total``'s shape.
        strength: events that the prior is worth, above 0.

    Example:
        >>> smoothed_rate(np.array([0.0, 10.0]), np.array([0.0, 10.0]), 0.5, 10.0).tolist()
        [0.5, 0.75]
    """
    rate: Float64 = (np.asarray(total, np.float64) + strength * np.asarray(prior)) / (np.asarray(met) + strength)
    return rate


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _running(starts: Array, at_us: Int64, value: Float64, rate: float) -> tuple[Float64, Float64]:
    """Both sums just after each event; a key's never depend on another key's events nor on its own later ones."""
    met, total = np.empty(len(at_us)), np.empty_like(value)
    for i in range(len(at_us)):
        if starts[i]:
            met[i] = 1.0
            total[i] = value[i]
        else:
            faded = np.exp(-rate * (at_us[i] - at_us[i - 1]))
            met[i] = met[i - 1] * faded + 1.0
            for k in range(value.shape[1]):
                total[i, k] = total[i - 1, k] * faded + value[i, k]
    return met, total
