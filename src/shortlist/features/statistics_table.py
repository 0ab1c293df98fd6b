"""A table of target statistics, each backing off to a coarser one: the same columns in training and for a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.features.hashing import pair_keys
from shortlist.features.target_statistics import TargetStatistics, smoothed_rate
from shortlist.features.transforms import TransformKind

__all__ = ["Statistic", "StatisticsTable", "statistic_name"]

_DAY_US = 86_400e6


class Statistic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of which events are counted.

    Attributes:
        name: unique in the table.
        columns: of the events; several make one key of their combination.
        prior: name of an earlier statistic whose rate is believed of a key without events; None: all events' rate.
        strength: events that the prior is worth.
        half_life_days: of an event's weight; None for no decay.
        per: the count is ``per · n / N``, N all events known to the row; None for n itself. A log grows: a row that is
            served next week knows more events of every key than a row that was learned from, and to a model n then
            means something else; the share does not change with the log's length. Without decay only.
        transform: of the columns before a net sees them. "quantile" tells keys of few events well apart. Of keys with
            thousands, in rows that leave out their own day, it makes the days' small differences large: the rank says
            which day is left out, and what came of a day is no knowledge. "none" leaves them as small as they are.
    """

    name: str
    columns: tuple[str, ...]
    prior: str | None = None
    strength: float = 10.0
    half_life_days: float | None = None
    per: float | None = None
    transform: TransformKind = "quantile"

    @property
    def meaning(self) -> str:
        """Of its columns, as a spec says it."""
        share = "" if self.per is None else f" in {self.per:g} events"
        return f"as of the request's instant{share}, transform {self.transform}"


def statistic_name(column: str) -> str:
    """The name of the statistic that a column of ``StatisticsTable.names`` is of."""
    return column.rsplit(" ", 1)[0]


class StatisticsTable:
    """Counts and smoothed rates as of any instant, from one log of events.

    Columns, for each statistic: ``log1p(n)``, or ``log1p(per · n / N)``, then for each outcome the smoothed rate. All
    events' rate is itself smoothed, by two imagined events of the outcome 1/2, so that an empty log gives numbers too.
    An event counts for rows whose instant is later, never for one at its own instant.

    Args:
        statistics: what is counted, priors before those that lean on them.
        ids: columns of the events, ids ``(n,)``; negative ones are unknown and count for all events' rate only.
        at_us: int64 ``(n,)``, microseconds.
        outcomes: by name, ``(n,)``, finite.

    Raises:
        DataError: a column or a prior is missing, an outcome is not finite, or a share is to decay.

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
            if one.per is not None and one.half_life_days is not None:
                raise DataError(
                    f"{one.name!r} is a share and decays", where="statistics", fix="leave out per or half_life_days"
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
        every, total = self._overall.before(np.zeros(len(at_us), dtype=np.int64), at_us, without_us=without_us)
        overall = smoothed_rate(every[:, None], total, 0.5, 2.0)
        rates: dict[str, Float64] = {}
        columns: list[Float64] = []
        for one in self.statistics:
            met, total = self._of[one.name].before(_keys(one, ids), at_us, without_us=without_us)
            prior = overall if one.prior is None else rates[one.prior]
            rates[one.name] = smoothed_rate(met[:, None], total, prior, one.strength)
            count = met if one.per is None else one.per * met / np.maximum(every, 1.0)
            columns += [np.log1p(count)[:, None], rates[one.name]]
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
