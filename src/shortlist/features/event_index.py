"""Point-in-time joins: which events of a key lie strictly before an instant."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Int64
from shortlist.core.errors import DataError

__all__ = ["EventIndex"]


class EventIndex:
    """Events by key and time. An event at the very instant that is asked for is not before it.

    Training asks with the instant of each row, or with an earlier one where the features will be older when they are
    served; the request path asks with the request's instant. It is the same question, so the answers are the same.

    Args:
        key: int64 ``(n,)``, not negative: whose event it is.
        at_us: int64 ``(n,)``, microseconds.

    Raises:
        DataError: the columns differ in length, or a key is negative.

    Attributes:
        order: int64 ``(n,)``, the events' places sorted by key, then time; equal instants keep their order.

    Example:
        >>> events = EventIndex(np.array([7, 7, 8]), np.array([10, 20, 15]))
        >>> first, end = events.before(np.array([7, 7, 8, 9]), np.array([20, 21, 15, 99]))
        >>> (end - first).tolist()
        [1, 2, 0, 0]
    """

    def __init__(self, key: Array, at_us: Array) -> None:
        key, at_us = np.asarray(key, dtype=np.int64), np.asarray(at_us, dtype=np.int64)
        if key.shape != at_us.shape:
            raise DataError(f"{len(key)} keys and {len(at_us)} times", where="events", fix="give one time an event")
        if len(key) and key.min() < 0:
            raise DataError(f"the key {key.min()} is negative", where="events", fix="number keys from 0")
        self.order: Int64 = np.lexsort((at_us, key))
        self._keys, self._starts = np.unique(key[self.order], return_index=True)
        self._ends = np.append(self._starts[1:], len(key))
        self._times = np.unique(at_us)
        # A key's number times more than there are instants, plus the instant's number, sorts as (key, time) does.
        self._step = len(self._times) + 1
        place = np.searchsorted(self._keys, key[self.order]) * self._step
        self._sorted: Int64 = place + np.searchsorted(self._times, at_us[self.order])

    def __len__(self) -> int:
        return len(self.order)

    def before(self, key: Array, at_us: Array) -> tuple[Int64, Int64]:
        """Where in ``order`` the events of each key strictly before each instant begin and end, int64 ``(N,)`` each.

        A key without events, and any negative key, has none.
        """
        key, at_us = np.asarray(key, dtype=np.int64), np.asarray(at_us, dtype=np.int64)
        if not len(self):
            return np.zeros(len(key), np.int64), np.zeros(len(key), np.int64)
        number = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        wanted = number * self._step + np.searchsorted(self._times, at_us, side="left")
        first = self._starts[number]
        end = np.clip(np.searchsorted(self._sorted, wanted, side="left"), first, self._ends[number])
        return first, np.where(self._keys[number] == key, end, first)

    def latest(self, key: Array, at_us: Array, n: int, *, without_us: Array | None = None) -> Int64:
        """The places of the last ``n`` events before each instant, newest first, -1 where there are fewer: ``(N, n)``.

        Args:
            key: int64 ``(N,)``.
            at_us: int64 ``(N,)``.
            n: at most.
            without_us: int64 ``(N, 2)``: events from the first instant on and before the second one are passed over.

        Example:
            >>> events = EventIndex(np.array([7, 7, 7]), np.array([30, 10, 20]))
            >>> events.latest(np.array([7]), np.array([30]), 3).tolist()
            [[2, 1, -1]]
        """
        first, end = self.before(key, at_us)
        place = end[:, None] - 1 - np.arange(n)
        if without_us is not None:
            cut, until = (np.minimum(self.before(key, edge)[1], end) for edge in np.asarray(without_us).T)
            place -= np.where(place < until[:, None], np.maximum(until - cut, 0)[:, None], 0)
        held = place >= first[:, None]
        if not len(self):
            return np.full((len(first), n), -1, dtype=np.int64)
        return np.where(held, self.order[np.where(held, place, 0)], -1)
