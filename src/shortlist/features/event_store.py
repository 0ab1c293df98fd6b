"""What happened so far, by user and by key, as of any instant: the online store and the training set's are one."""

from __future__ import annotations

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Bool, Float32, Int64
from shortlist.core.errors import DataError
from shortlist.features.column_keys import column_keys, numbers, table_column
from shortlist.features.declaration import Declaration, History
from shortlist.features.declared_rows import DeclaredRows
from shortlist.features.event_index import EventIndex
from shortlist.features.statistics_table import Statistic, StatisticsTable, statistic_name

__all__ = ["EventStore"]

_WHERE = "events"


class EventStore:
    """Events, indexed for the statistics and histories of a declaration.

    Training asks a store of the whole log as of each row's instant; a server asks a store of the log so far. As an
    event counts for later instants only, both get the same numbers.

    Args:
        declaration: what will be asked.
        events: ``at_us`` (int64 microseconds), the ids of ``declaration.event_columns``, and the outcomes. A table of
            no rows is a store that knows nothing.

    Raises:
        DataError: a column is missing or of a wrong kind, an instant is null, or an outcome is not finite.
    """

    def __init__(self, declaration: Declaration, events: pl.DataFrame) -> None:
        self._declaration = declaration
        at_us = table_column(events, "at_us", where=_WHERE)
        if not at_us.dtype.is_integer() or at_us.null_count():
            raise DataError("at_us is not a whole number in each row", where=_WHERE, fix="give microseconds, UTC")
        at = at_us.cast(pl.Int64).to_numpy()
        self._keys = {
            name: column_keys(table_column(events, name, where=_WHERE), where=_WHERE)
            for name in declaration.event_columns
        }
        outcomes = {
            name: numbers(table_column(events, name, where=_WHERE), where=_WHERE) for name in declaration.outcomes
        }
        of_requests = tuple(one for one in declaration.statistics if declaration.of_request(one.columns))
        others = tuple(one for one in declaration.statistics if not declaration.of_request(one.columns))
        self._request = StatisticsTable(of_requests, self._keys, at, outcomes) if of_requests else None
        self._candidate = (
            StatisticsTable(_with_priors(others, of_requests), self._keys, at, outcomes) if others else None
        )
        self._shown = tuple(one.name for one in others)
        self._histories = {
            one.name: _Latest(self._keys[declaration.user], at, self._events_of(one, outcomes))
            for one in declaration.features
            if isinstance(one, History)
        }

    @property
    def request_names(self) -> tuple[str, ...]:
        """One a column of a request's ``statistics``."""
        return () if self._request is None else self._request.names

    @property
    def candidate_names(self) -> tuple[str, ...]:
        """One a column of a candidate's ``statistics``."""
        if self._candidate is None:
            return ()
        names = self._candidate.names
        return tuple(name for name, kept in zip(names, self._kept(names), strict=True) if kept)

    def statistics(self, rows: DeclaredRows) -> tuple[Float32, Float32]:
        """Of each request and of each candidate as of its request's instant: float32 ``(R, ·)`` and ``(N, ·)``."""
        declaration = self._declaration
        counted = tuple(dict.fromkeys(column for one in declaration.statistics for column in one.columns))
        mine, every = rows.counted_keys(declaration, counted)
        request = np.zeros((len(rows.requests), 0), dtype=np.float32)
        candidate = np.zeros((len(rows.candidates), 0), dtype=np.float32)
        if self._request is not None:
            request = self._request.compute(mine, rows.as_of_us, without_us=rows.without_us)
        if self._candidate is not None:
            kept = self._kept(self._candidate.names)
            without = None if rows.without_us is None else rows.without_us[rows.index]
            candidate = self._candidate.compute(every, rows.as_of_us[rows.index], without_us=without)[:, kept]
        return request, candidate

    def latest(self, history: History, user: Int64, rows: DeclaredRows) -> Int64:
        """Keys of each request's history, newest first, -1 where it ends: int64 ``(R, length)``."""
        place = self._histories[history.name].before(user, rows, history.length)
        key = self._keys[self._declaration.category_of(history).columns[0]]
        return np.where(place >= 0, np.append(key, -1)[place], -1)

    def _kept(self, names: tuple[str, ...]) -> Bool:
        return np.array([statistic_name(name) in self._shown for name in names], dtype=bool)

    def _events_of(self, history: History, outcomes: dict[str, Array]) -> Bool:
        held = self._keys[self._declaration.user] >= 0
        if history.outcome is not None:
            held &= (outcomes[history.outcome] > 0) == history.happened
        return held


class _Latest:
    """The latest events among some."""

    def __init__(self, user: Int64, at_us: Int64, among: Bool) -> None:
        self._place: Int64 = np.append(np.flatnonzero(among), -1)
        self._index = EventIndex(user[among], at_us[among])

    def before(self, user: Int64, rows: DeclaredRows, n: int) -> Int64:
        return self._place[self._index.latest(user, rows.as_of_us, n, without_us=rows.without_us)]


def _with_priors(wanted: tuple[Statistic, ...], others: tuple[Statistic, ...]) -> tuple[Statistic, ...]:
    """The statistics, and those before them that they lean on, in an order in which priors come first."""
    by_name = {one.name: one for one in others}
    needed: dict[str, Statistic] = {}
    for one in wanted:
        chain, prior = [one], one.prior
        while prior in by_name:
            chain.append(by_name[prior])
            prior = by_name[prior].prior
        for found in reversed(chain):
            needed.setdefault(found.name, found)
    return tuple(needed.values())
