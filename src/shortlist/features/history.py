"""What each user has dealt with, by time: read by sources and rankers, extended by events as they arrive."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import polars as pl

from shortlist.core.arrays import Int64, Ragged
from shortlist.core.request import RequestBatch

__all__ = ["HistoryHydrator", "HistoryStore"]


class HistoryStore:
    """Histories of items, oldest first, with the times; point-in-time reads never see the future.

    Safe to read and extend from several threads.

    Example:
        >>> store = HistoryStore()
        >>> store.append(user=1, item=10, at_us=5)
        >>> store.append(user=1, item=11, at_us=9)
        >>> store.before([1, None], [9, 9])[0].tolist()
        [10]
    """

    def __init__(self, interactions: pl.DataFrame | None = None) -> None:
        self._lock = threading.Lock()
        self._of: dict[int, tuple[Int64, Int64]] = {}
        if interactions is not None and len(interactions):
            table = interactions.select("user", "item", "at_us").sort(["user", "at_us", "item"])
            user = table["user"].to_numpy()
            item, at = table["item"].to_numpy().copy(), table["at_us"].to_numpy().copy()
            edges = np.flatnonzero(np.diff(user)) + 1
            starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(user)]])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                self._of[int(user[start])] = (item[start:end], at[start:end])

    def __len__(self) -> int:
        """Users with a history."""
        return len(self._of)

    def knows(self, user: int | None) -> bool:
        """Has this user any history?"""
        return user in self._of

    def append(self, *, user: int, item: int, at_us: int) -> None:
        """Add one interaction; one that comes late is put in its place by time."""
        with self._lock:
            items, times = self._of.get(user, (np.empty(0, np.int64), np.empty(0, np.int64)))
            place = int(np.searchsorted(times, at_us, side="right"))
            self._of[user] = (np.insert(items, place, item), np.insert(times, place, at_us))

    def before(self, users: Sequence[int | None], at_us: Sequence[int]) -> Ragged:
        """Each user's items with a time **strictly before** ``at_us``, oldest first."""
        parts: list[Int64] = []
        nothing = np.empty(0, np.int64)
        for user, limit in zip(users, at_us, strict=True):
            held = self._of.get(user) if user is not None else None
            parts.append(nothing if held is None else held[0][: np.searchsorted(held[1], limit, side="left")])
        return Ragged.from_lists(parts)


class HistoryHydrator:
    """Query hydrator: puts the users' histories, as of the requests' times, into the batch."""

    name = "history"

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    def hydrate_query(self, batch: RequestBatch) -> RequestBatch:
        """The batch with ``history``."""
        users = [request.user for request in batch.requests]
        return batch.with_history(self._store.before(users, [request.at_us for request in batch.requests]))
