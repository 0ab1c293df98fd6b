"""The last pages in memory, with their traces: the console reads them, and events find their page before the log does.

Bounded twice: the traces of single candidates are by far the largest part, and only the newest pages keep theirs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from msgspec.structs import replace

from shortlist.core.page import Page

__all__ = ["RecentPages"]


class RecentPages:
    """A ring of pages. Safe to use from several threads.

    Args:
        capacity: pages kept.
        with_candidates: pages that keep what became of each candidate.
    """

    def __init__(self, capacity: int = 1_000, with_candidates: int = 50) -> None:
        self._capacity, self._with_candidates = capacity, with_candidates
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._detailed: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pages)

    def add(self, page: Page) -> None:
        """Keep a page; the oldest leaves."""
        with self._lock:
            self._pages[page.request_id] = page
            if page.scored or any(trace.candidates for trace in page.traces):
                self._detailed[page.request_id] = None
            while len(self._detailed) > self._with_candidates:
                oldest, _ = self._detailed.popitem(last=False)
                self._pages[oldest] = _without_candidates(self._pages[oldest])
            while len(self._pages) > self._capacity:
                oldest, _ = self._pages.popitem(last=False)
                self._detailed.pop(oldest, None)

    def get(self, request_id: str) -> Page | None:
        """The page of that request, or None where it is not kept (any more)."""
        with self._lock:
            return self._pages.get(request_id)

    def latest(self, n: int) -> tuple[Page, ...]:
        """The last ``n`` pages, newest first."""
        with self._lock:
            return tuple(reversed(list(self._pages.values())[-n:])) if n > 0 else ()


def _without_candidates(page: Page) -> Page:
    traces = tuple(replace(trace, candidates=()) for trace in page.traces)
    return replace(page, traces=traces, scored=())
