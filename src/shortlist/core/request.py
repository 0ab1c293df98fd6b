"""What is asked: a request, and a batch of them as the stages see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Int64, Ragged

__all__ = ["Request", "RequestBatch"]


@dataclass(frozen=True, slots=True)
class Request:
    """One page that somebody wants.

    Attributes:
        request_id: unique; names the page in the log.
        k: organic items wanted, at least 1.
        at_us: when, microseconds UTC.
        user: catalogue key, or None for a visitor nobody knows.
        query: what was typed; empty in a feed.
        sponsored_slots: slots for ads, 0 for none.
        draw_key: seed of every draw of this page; logged.
    """

    request_id: str
    k: int
    at_us: int
    user: int | None = None
    query: str = ""
    sponsored_slots: int = 0
    draw_key: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RequestBatch:
    """One or many requests with what the query hydrators found out about them.

    Attributes:
        requests: the requests, ``R`` of them.
        history: items each user has liked, oldest first, as catalogue keys; empty until hydrated.
        seen: items each user has dealt with, liked or not, oldest first; empty until hydrated.
    """

    requests: tuple[Request, ...]
    history: Ragged
    seen: Ragged

    @classmethod
    def of(cls, *requests: Request) -> RequestBatch:
        """A batch of requests about which nothing is known yet."""
        nothing = Ragged(np.empty(0, np.int64), np.zeros(len(requests) + 1, np.int64))
        return cls(requests, nothing, nothing)

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def users(self) -> Int64:
        """int64 ``(R,)``; -1 where the user is not known."""
        return np.array([-1 if r.user is None else r.user for r in self.requests], dtype=np.int64)

    def with_history(self, history: Ragged, seen: Ragged) -> RequestBatch:
        """The same batch with the users' histories."""
        return RequestBatch(self.requests, history, seen)
