"""How likely an item is met with liking soon after another was met: first-order transitions with a window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_array

from shortlist.core.arrays import Float32, Int64, Ragged
from shortlist.core.errors import ReleaseError
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_kernel import mean_transitions

__all__ = ["Transitions"]

_SHRINKAGE = 10.0
_FOLLOWERS = 300


class Transitions:
    """``T(a, b) = n(a then liked b) / (n(a) + 10)``, an estimate of P(b is liked within the next W events | a was met).

    ``n(a then liked b)`` counts the pairs of one user's events in which a was met and b was liked **at a later
    instant**, at most W events on (Markov chains over sessions as in Shani, Heckerman & Brafman, "An MDP-based
    recommender system", JMLR 2005, section 4, with skipping). Events of one instant have no order, so none of them
    follows another, as none is in another's history when a request is served; the W next events of an event are
    counted from the end of its instant, and an instant that they reach is counted whole. ``n(a)`` counts the events at
    which a was met. An item keeps its 300 likeliest followers.

    Args:
        table: float32 ``(V + 1, V + 1)``; row a holds T(a, ·); row and column 0 are empty.
    """

    def __init__(self, table: csr_array) -> None:
        self.table = table

    @classmethod
    def fit(cls, interactions: pl.DataFrame, catalogue: Catalogue, *, window: int = 20) -> Transitions:
        """Count pairs.

        Args:
            interactions: schema ``INTERACTIONS``; nothing from the time that the table will be used for.
            catalogue: the release's items.
            window: W, events.
        """
        v = len(catalogue)
        table = interactions.select("user", "item", "at_us", "positive").sort(["user", "at_us"])
        user, at_us = table["user"].to_numpy(), table["at_us"].to_numpy()
        row, positive = catalogue.rows(table["item"].to_numpy()), table["positive"].to_numpy()
        begin, end = _followers(user, at_us, window)
        counts = csr_array((v, v), dtype=np.float32)
        for lag in range(int((end - begin).max(initial=0))):
            first = np.flatnonzero(begin + lag < end)
            then = begin[first] + lag
            pair = positive[then] & (row[then] > 0) & (row[first] > 0)
            a, b = row[first[pair]], row[then[pair]]
            counts = counts + csr_array((np.ones(len(a), dtype=np.float32), (a, b)), shape=(v, v))
        found = counts.tocoo()
        a, b = (index.astype(np.int64) for index in found.coords)
        value = found.data / (np.bincount(row, minlength=v)[a] + _SHRINKAGE)
        return cls(_strongest(a, b, value.astype(np.float32), v))

    def scores(self, met: Ragged, rows: Int64, starts: Int64, *, last: Sequence[int]) -> Float32:
        """Mean of ``T(a, row)`` over the last items a that each row's request has met.

        Args:
            met: rows met lately, oldest first, a list a request.
            rows: int64 ``(N,)``, the candidates, request after request.
            starts: int64 ``(R + 1,)``, where each request's candidates begin.
            last: items a at most, ``L`` such numbers.

        Returns:
            float32 ``(N, L)``, a column a number; 0 where nothing was met.
        """
        t, lasts = self.table, np.array(last, dtype=np.int64)
        found: Float32 = mean_transitions(t.indptr, t.indices, t.data, met.values, met.offsets, lasts, rows, starts)
        return found

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        t = self.table
        arrays = {"value": t.data, "follower": t.indices.astype(np.int32), "offsets": t.indptr.astype(np.int64)}
        save_file(arrays, path)

    @classmethod
    def load(cls, path: Path, catalogue: Catalogue) -> Transitions:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file is missing or torn, or belongs to another catalogue.
        """
        v = len(catalogue)
        try:
            held = load_file(path)
            table = csr_array((held["value"], held["follower"], held["offsets"]), (v, v))
            table.check_format(full_check=True)
        except (OSError, SafetensorError, KeyError, ValueError):
            raise ReleaseError(
                "the transitions cannot be read, or are of another catalogue",
                where=str(path),
                fix="a release's files belong together; train a new one",
            ) from None
        return cls(table)


def _followers(user: Int64, at_us: Int64, window: int) -> tuple[Int64, Int64]:
    """Where each event's followers begin and end, int64 ``(N,)`` each; events are sorted by user and time.

    They begin after the event's instant and end with the instant of the ``window``-th of them.
    """
    if not len(user):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    new = (np.diff(user) != 0) | (np.diff(at_us) != 0)
    instant = np.concatenate([[0], np.cumsum(new)])
    instant_end = np.searchsorted(instant, instant, side="right")
    user_end = np.searchsorted(user, user, side="right")
    last = np.minimum(instant_end + window, user_end) - 1
    return instant_end, np.where(instant_end < user_end, instant_end[last], instant_end)


def _strongest(a: Int64, b: Int64, value: Float32, v: int) -> csr_array:
    order = np.lexsort((b, -value, a))
    starts = np.concatenate([[0], np.cumsum(np.bincount(a, minlength=v))])
    order = order[np.arange(len(order)) - starts[a[order]] < _FOLLOWERS]
    return csr_array((value[order], (a[order], b[order])), shape=(v, v))
