"""``Sessions``: shown lists with their clicks, the one thing that click models learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Bool, Int32, Int64
from shortlist.core.errors import DataError

__all__ = ["Sessions"]


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """``S`` shown lists of at most ``L`` places.

    Attributes:
        shown: int32 ``(S, L)``, what stood at each place: the number of a (query, item) pair, or of an item, from 1;
            0 where the list had ended. Lists are filled from the top.
        click: bool ``(S, L)``.

    Example:
        >>> s = Sessions.of([[1, 2, 3], [2, 1, 0]], [[0, 1, 0], [1, 0, 0]])
        >>> s.n_pairs, s.last_click.tolist()
        (3, [1, 0])
    """

    shown: Int32
    click: Bool

    @classmethod
    def of(cls, shown: Array | list[list[int]], click: Array | list[list[int]]) -> Sessions:
        """Check and keep.

        Raises:
            DataError: the shapes differ, a number is negative, a list has a gap, or a click is on nothing.
        """
        rows, clicked = np.asarray(shown), np.asarray(click).astype(bool)
        where = "click sessions"
        if rows.ndim != 2 or rows.shape != clicked.shape or not rows.size:
            raise DataError(
                f"shown has the shape {rows.shape}, click {clicked.shape}", where=where, fix="one click a place"
            )
        if rows.min() < 0:
            raise DataError(f"a list shows {rows.min()}", where=where, fix="number what is shown from 1; 0 is nothing")
        if (clicked & (rows == 0)).any():
            raise DataError("there is a click where nothing was shown", where=where, fix="drop it, or fill the place")
        if ((rows[:, :-1] == 0) & (rows[:, 1:] > 0)).any():
            raise DataError("a list has a gap", where=where, fix="fill lists from the top")
        return cls(rows.astype(np.int32), clicked)

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def places(self) -> int:
        """``L``."""
        return int(self.shown.shape[1])

    @property
    def n_pairs(self) -> int:
        """The highest number that was shown."""
        return int(self.shown.max())

    @property
    def held(self) -> Bool:
        """Where something was shown, bool ``(S, L)``."""
        held: Bool = self.shown > 0
        return held

    @property
    def last_click(self) -> Int64:
        """The place of each list's last click from 0, -1 without one: int64 ``(S,)``."""
        last = self.places - 1 - np.argmax(self.click[:, ::-1], axis=1)
        return np.where(self.click.any(axis=1), last, -1)

    @property
    def previous_click(self) -> Int64:
        """How far above each place the last click before it lies, int64 ``(S, L)``; r + 1 without one.

        So that at place r (from 0) 1 says "the place just above" and r + 1 "nowhere".
        """
        place = np.arange(self.places)
        marked = np.where(self.click, place, -1)
        before = np.full_like(marked, -1)
        before[:, 1:] = np.maximum.accumulate(marked, axis=1)[:, :-1]
        distance: Int64 = place - before
        return distance
