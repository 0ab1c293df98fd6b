"""What each user has dealt with, by time: read by sources and rankers, extended by events as they arrive."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Int64, Ragged
from shortlist.core.request import RequestBatch

__all__ = ["HistoryHydrator", "HistoryStore"]


class HistoryStore:
    """Histories of items, oldest first, with the times; point-in-time reads never see the future.

    Safe to read and extend from several threads.

    Args:
        interactions: a table in the schema ``INTERACTIONS`` to start from.

    Example:
        >>> store = HistoryStore()
        >>> store.append(user=1, item=10, at_us=5, positive=True)
        >>> store.append(user=1, item=11, at_us=6, positive=False)
        >>> store.append(user=1, item=12, at_us=9, positive=True)
        >>> liked, seen = store.before([1, None], [9, 9])
        >>> liked[0].tolist(), seen[0].tolist(), len(seen[1])
        ([10], [10, 11], 0)
    """

    def __init__(self, interactions: pl.DataFrame | None = None) -> None:
        self._lock = threading.Lock()
        self._of: dict[int, _History] = {}
        if interactions is not None and len(interactions):
            table = interactions.select("user", "item", "at_us", "positive").sort(["user", "at_us", "item"])
            user, item, at, positive = (table[name].to_numpy() for name in table.columns)
            edges = np.flatnonzero(np.diff(user)) + 1
            starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(user)]])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                part = slice(start, end)
                self._of[int(user[start])] = _History(item[part], at[part], positive[part])

    def __len__(self) -> int:
        """Users with a history."""
        return len(self._of)

    def knows(self, user: int | None) -> bool:
        """Has this user any history?"""
        return user in self._of

    def users(self, n: int) -> list[int]:
        """At most ``n`` users with a history, the smallest keys first."""
        with self._lock:
            return heapq.nsmallest(n, self._of)

    def append(self, *, user: int, item: int, at_us: int, positive: bool) -> None:
        """Add one interaction; one that comes late is put in its place by time."""
        with self._lock:
            held = self._of.get(user, _NOTHING)
            place = int(np.searchsorted(held.at_us, at_us, side="right"))
            self._of[user] = _History(
                np.insert(held.item, place, item),
                np.insert(held.at_us, place, at_us),
                np.insert(held.positive, place, positive),
            )

    def before(self, users: Sequence[int | None], at_us: Sequence[int]) -> tuple[Ragged, Ragged]:
        """Each user's liked items and all their items with a time **strictly before** ``at_us``, oldest first."""
        liked: list[Int64] = []
        seen: list[Int64] = []
        for user, limit in zip(users, at_us, strict=True):
            held = self._of.get(user, _NOTHING) if user is not None else _NOTHING
            end = int(np.searchsorted(held.at_us, limit, side="left"))
            seen.append(held.item[:end])
            liked.append(held.item[:end][held.positive[:end]])
        return Ragged.from_lists(liked), Ragged.from_lists(seen)


class _History(NamedTuple):
    item: Int64
    at_us: Int64
    positive: Bool


_NOTHING = _History(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))


class HistoryHydrator:
    """Query hydrator: puts the users' histories, as of the requests' times, into the batch."""

    name = "history"

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    def hydrate_query(self, batch: RequestBatch) -> RequestBatch:
        """The batch with ``history`` and ``seen``."""
        users = [request.user for request in batch.requests]
        return batch.with_history(*self._store.before(users, [request.at_us for request in batch.requests]))
