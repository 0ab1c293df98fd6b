"""Requests as they could have been made at moments of the log, with what their users went on to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import msgspec
import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Int64, Ragged
from shortlist.core.randomness import Rng, generator
from shortlist.core.request import Request, RequestBatch
from shortlist.features.history import HistoryStore

__all__ = ["LabelledRequests", "LogKind", "RequestGrid", "impression_requests", "rating_requests"]

LogKind: TypeAlias = Literal["ratings", "impressions"]

PAGE_US = 10 * 60 * 1_000_000
"""Impressions that follow one another within ten minutes of the first make a page."""


class RequestGrid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At which of a user's ratings a request is made, and how far its outcome reaches.

    Attributes:
        horizon: H; what the user goes on to like is looked for among this many next events.
        first: events before a user's first request.
        stride: events from one request to the next.
    """

    horizon: int = 20
    first: int = 5
    stride: int = 10

    @classmethod
    def of(cls, interactions: pl.DataFrame) -> RequestGrid:
        """H is a third of the median user's events, from 1 to 20; requests come twice as often, after H / 4 events."""
        events = interactions.group_by("user").len()["len"].median()
        horizon = int(np.clip(int(cast("float", events or 0)) // 3, 1, 20))
        return cls(horizon=horizon, first=max(1, horizon // 4), stride=max(1, horizon // 2))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRequests:
    """Requests with live histories and their outcomes, ``R`` of them.

    Attributes:
        batch: with ``history`` and ``seen`` strictly before each request's instant.
        liked: what the user then liked: catalogue keys, without repeats, none of them in ``seen``.
        met: what the user then met at all, the liked among it: of ratings all that was rated, of impressions what the
            log gives a value above 0 (seconds played, say); catalogue keys, like ``liked``.
        shown: what was shown, where the log holds impressions: catalogue keys; empty lists where it holds ratings.
        kind: what the log holds.
    """

    batch: RequestBatch
    liked: Ragged
    met: Ragged
    shown: Ragged
    kind: LogKind

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def users(self) -> Int64:
        """int64 ``(R,)``."""
        return self.batch.users

    def part(self, start: int, end: int) -> LabelledRequests:
        """Requests ``start`` to ``end``."""
        b = self.batch
        batch = RequestBatch(b.requests[start:end], _part(b.history, start, end), _part(b.seen, start, end))
        liked, met, shown = (_part(lists, start, end) for lists in (self.liked, self.met, self.shown))
        return LabelledRequests(batch, liked, met, shown, self.kind)

    def sample(self, n: int, rng: Rng) -> LabelledRequests:
        """``n`` of them at most, in their order."""
        if len(self) <= n:
            return self
        return self.take(np.sort(generator(rng).choice(len(self), size=n, replace=False)))

    def take(self, chosen: Int64) -> LabelledRequests:
        """Those at these places, int64 ``(n,)``, in this order."""
        b = self.batch
        batch = RequestBatch(tuple(b.requests[i] for i in chosen), _take(b.history, chosen), _take(b.seen, chosen))
        liked, met, shown = (_take(lists, chosen) for lists in (self.liked, self.met, self.shown))
        return LabelledRequests(batch, liked, met, shown, self.kind)


def rating_requests(
    interactions: pl.DataFrame, start_us: int, end_us: int, grid: RequestGrid | None = None
) -> LabelledRequests:
    """Requests in ``[start_us, end_us)`` of a log of ratings.

    A user makes a request after ``first`` events and then every ``stride``, at the instant of the event that comes
    next; where several events share that instant, the request stands before all of them. Its outcome is what the user
    likes among the next ``horizon`` events, those that share the last one's instant included. Requests whose outcome
    does not end before ``end_us`` are left out: a window's labels never look into the next window.

    Args:
        interactions: schema ``INTERACTIONS``, the whole log; no event at or after ``end_us`` is looked at.
        start_us: first instant of a request.
        end_us: first instant that no request and no outcome may reach.
        grid: which requests; the default one where it is not given.
    """
    grid = grid or RequestGrid()
    table = interactions.filter(pl.col("at_us") < end_us).sort(["user", "at_us", "item"])
    user, item, at, positive = (table[name].to_numpy() for name in ("user", "item", "at_us", "positive"))
    first = np.searchsorted(user, user, side="left")
    place = np.arange(len(user)) - first
    due = (place >= grid.first) & ((place - grid.first) % grid.stride == 0) & (at >= start_us)
    begin = _instant_start(user, at)[np.flatnonzero(due)]
    begin = np.unique(begin[place[begin] > 0])
    last = begin + grid.horizon - 1
    whole = last < np.searchsorted(user, user[begin], side="right")
    begin, last = begin[whole], last[whole]
    stop = _instant_end(user, at)[last]
    liked, met_items = (
        [_distinct(item[a:b][these[a:b]], item[first[a] : a]) for a, b in zip(begin, stop, strict=True)]
        for these in (positive, np.ones(len(item), dtype=np.bool_))
    )
    nothing = [np.empty(0, np.int64)] * len(begin)
    return _hydrated(interactions, user[begin], at[begin], (liked, met_items, nothing), "ratings")


def impression_requests(interactions: pl.DataFrame, start_us: int, end_us: int) -> LabelledRequests:
    """Pages in ``[start_us, end_us)`` of a log of impressions.

    A user's impressions within ten minutes of the first make a page, asked for at the first one's instant. What was
    shown is all of them, what was liked is the positive ones. Items that the user had met before are left out, for a
    feed does not show them again.

    Args:
        interactions: schema ``INTERACTIONS``; what is not positive was shown and not taken up.
        start_us: first instant of a request.
        end_us: first instant that no page may reach.
    """
    table = interactions.sort(["user", "at_us", "item"])
    user, item, at, positive = (table[name].to_numpy() for name in ("user", "item", "at_us", "positive"))
    pages = _pages(user, at)
    begin = np.flatnonzero(np.diff(pages, prepend=-1))
    stop = np.concatenate([begin[1:], [len(user)]]) if len(begin) else begin
    inside = (at[begin] >= start_us) & (at[stop - 1] < end_us)
    begin, stop = begin[inside], stop[inside]
    first = np.searchsorted(user, user[begin], side="left")
    liked, met, shown = (
        [_distinct(item[a:b][these[a:b]], item[f:a]) for a, b, f in zip(begin, stop, first, strict=True)]
        for these in (positive, positive | (table["value"].to_numpy() > 0.0), np.ones(len(item), dtype=np.bool_))
    )
    return _hydrated(interactions, user[begin], at[begin], (liked, met, shown), "impressions")


def _pages(user: Int64, at: Int64) -> Int64:
    """The page of each impression, sorted by user and time; int64 from 0."""
    page = np.zeros(len(user), dtype=np.int64)
    number, opened, whose = -1, 0, None
    for n, (u, t) in enumerate(zip(user.tolist(), at.tolist(), strict=True)):
        if u != whose or t >= opened + PAGE_US:
            number, opened, whose = number + 1, t, u
        page[n] = number
    return page


def _instant_start(user: Int64, at: Int64) -> Int64:
    """The first event that shares each event's user and instant."""
    new = np.ones(len(user), dtype=np.bool_)
    new[1:] = (user[1:] != user[:-1]) | (at[1:] != at[:-1])
    start: Int64 = np.flatnonzero(new)[np.cumsum(new) - 1]
    return start


def _instant_end(user: Int64, at: Int64) -> Int64:
    """One past the last event that shares each event's user and instant."""
    start = _instant_start(user, at)
    count = np.bincount(start, minlength=len(user))
    end: Int64 = start + count[start]
    return end


def _distinct(items: Int64, known: Int64) -> Int64:
    unique = np.unique(items)
    new: Bool = ~np.isin(unique, known)
    return unique[new]


def _hydrated(
    interactions: pl.DataFrame, user: Int64, at: Int64, outcomes: tuple[list[Int64], ...], kind: LogKind
) -> LabelledRequests:
    order = np.lexsort((user, at))
    requests = tuple(
        Request(request_id=f"{user[i]}-{at[i]}", k=10, at_us=int(at[i]), user=int(user[i]), draw_key=int(n))
        for n, i in enumerate(order)
    )
    batch = RequestBatch.of(*requests)
    store = HistoryStore(interactions)
    batch = batch.with_history(*store.before([r.user for r in requests], [r.at_us for r in requests]))
    liked, met, shown = (Ragged.from_lists([lists[i] for i in order]) for lists in outcomes)
    return LabelledRequests(batch, liked, met, shown, kind)


def _part(lists: Ragged, start: int, end: int) -> Ragged:
    offsets = lists.offsets[start : end + 1]
    return Ragged(lists.values[offsets[0] : offsets[-1]], offsets - offsets[0])


def _take(lists: Ragged, chosen: Int64) -> Ragged:
    return Ragged.from_lists([lists[int(i)] for i in chosen])
