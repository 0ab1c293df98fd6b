"""A table of target statistics, each backing off to a coarser one: the same columns in training and for a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.features.hashing import pair_keys
from shortlist.features.target_statistics import TargetStatistics, smoothed_rate

__all__ = ["Statistic", "StatisticsTable"]

_DAY_US = 86_400e6


class Statistic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of which events are counted.

    Attributes:
        name: unique in the table.
        columns: of the events; several make one key of their combination.
        prior: name of an earlier statistic whose rate is believed of a key without events; None: all events' rate.
        strength: events that the prior is worth.
        half_life_days: of an event's weight; None for no decay.
    """

    name: str
    columns: tuple[str, ...]
    prior: str | None = None
    strength: float = 10.0
    half_life_days: float | None = None


class StatisticsTable:
    """Counts and smoothed rates as of any instant, from one log of events.

    Columns, for each statistic: ``log1p(n)``, then for each outcome the smoothed rate. All events' rate is itself
    smoothed, by two imagined events of the outcome 1/2, so that an empty log gives numbers too. An event counts for
    rows whose instant is later, never for one at its own instant.

    Args:
        statistics: what is counted, priors before those that lean on them.
        ids: columns of the events, ids ``(n,)``; negative ones are unknown and count for all events' rate only.
        at_us: int64 ``(n,)``, microseconds.
        outcomes: by name, ``(n,)``, finite.

    Raises:
        DataError: a column or a prior is missing, or an outcome is not finite.

    Example:
        >>> table = StatisticsTable(
        ...     [Statistic(name="user", columns=("user",), strength=1.0)],
        ...     {"user": np.array([4, 4])},
        ...     np.array([10, 20]),
        ...     {"click": np.array([1, 0])},
        ... )
        >>> rows = table.compute({"user": np.array([4, 4])}, np.array([20, 21]))
        >>> table.names, rows[:, 1].astype(float).round(2).tolist()
        (('user n', 'user click'), [0.83, 0.5])
    """

    def __init__(
        self,
        statistics: Sequence[Statistic],
        ids: Mapping[str, Array],
        at_us: Array,
        outcomes: Mapping[str, Array],
    ) -> None:
        self.statistics, self.outcomes = tuple(statistics), tuple(outcomes)
        known: set[str] = set()
        for one in self.statistics:
            if one.prior is not None and one.prior not in known:
                raise DataError(
                    f"{one.name!r} backs off to {one.prior!r}, which does not come before it",
                    where="statistics",
                    fix="put priors first",
                )
            known.add(one.name)
        at_us = np.asarray(at_us, dtype=np.int64)
        value = np.empty((len(at_us), len(self.outcomes)))
        for k, one_outcome in enumerate(outcomes.values()):
            value[:, k] = one_outcome
        self._overall = TargetStatistics(np.zeros(len(at_us), dtype=np.int64), at_us, value)
        self._of: dict[str, TargetStatistics] = {}
        for one in self.statistics:
            key = _keys(one, ids)
            held = key >= 0
            half_life = None if one.half_life_days is None else one.half_life_days * _DAY_US
            self._of[one.name] = TargetStatistics(key[held], at_us[held], value[held], half_life_us=half_life)

    @property
    def names(self) -> tuple[str, ...]:
        """One a column of ``compute``."""
        return tuple(f"{one.name} {what}" for one in self.statistics for what in ("n", *self.outcomes))

    def compute(self, ids: Mapping[str, Array], at_us: Array, *, without_us: Array | None = None) -> Float32:
        """The columns of each row as of its instant, float32 ``(N, F)``, always finite.

        Args:
            ids: the columns that the statistics name, ``(N,)`` each; negative is unknown, and gets the prior.
            at_us: int64 ``(N,)``: the row's own instant, or an earlier one from which on nothing will be known.
            without_us: int64 ``(N, 2)``, a window of each row whose events do not count, see ``DeclaredRows``.
        """
        at_us = np.asarray(at_us, dtype=np.int64)
        met, total = self._overall.before(np.zeros(len(at_us), dtype=np.int64), at_us, without_us=without_us)
        overall = smoothed_rate(met[:, None], total, 0.5, 2.0)
        rates: dict[str, Float64] = {}
        columns: list[Float64] = []
        for one in self.statistics:
            met, total = self._of[one.name].before(_keys(one, ids), at_us, without_us=without_us)
            prior = overall if one.prior is None else rates[one.prior]
            rates[one.name] = smoothed_rate(met[:, None], total, prior, one.strength)
            columns += [np.log1p(met)[:, None], rates[one.name]]
        return np.concatenate(columns, axis=1).astype(np.float32)


def _keys(one: Statistic, ids: Mapping[str, Array]) -> Int64:
    missing = [name for name in one.columns if name not in ids]
    if missing or not one.columns:
        raise DataError(
            f"the statistic {one.name!r} needs the column {missing[0] if missing else ''!r}",
            where="statistics",
            fix=f"give the columns {', '.join(one.columns) or 'that it counts'}",
        )
    key = np.asarray(ids[one.columns[0]], dtype=np.int64)
    for name in one.columns[1:]:
        key = pair_keys(key, ids[name])
    return key
