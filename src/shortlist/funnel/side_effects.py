"""What happens after the answer has left: one worker thread, a bounded queue, and no page skipped.

The worker takes whatever waits and hands it over at once, so that a log can write many pages in one transaction. When
the queue is full the caller does the work itself: the answer is slower, the log is whole. A page is in memory only
until its effects have run, which a crash does not wait for.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence

from shortlist.core.page import Page
from shortlist.core.stages import SideEffect

__all__ = ["MAX_PAGES", "SideEffects"]

log = logging.getLogger("shortlist.funnel")

MAX_PAGES = 256
"""Pages that are handed over at once, at most."""


class SideEffects:
    """Runs side effects in the order in which pages were served. Safe to call from many threads.

    Args:
        effects: called one after the other, each with the pages that waited.
        capacity: pages that may wait.

    Attributes:
        done: pages whose effects have run.
        failed: calls that raised; each is in the operator's log.
    """

    def __init__(self, effects: Sequence[SideEffect], capacity: int = 10_000) -> None:
        self._effects = tuple(effects)
        self._queue: queue.Queue[Page | None] = queue.Queue(capacity)
        self._waiting: dict[str, Page] = {}
        self._lock = threading.Lock()
        self.done = 0
        self.failed = 0
        self._worker = threading.Thread(target=self._work, name="side-effects", daemon=True)
        self._worker.start()

    def submit(self, page: Page) -> None:
        """Hand a page over; returns at once unless the queue is full."""
        with self._lock:
            self._waiting[page.request_id] = page
        try:
            self._queue.put_nowait(page)
        except queue.Full:
            self._run([page])

    def waiting(self, request_id: str) -> Page | None:
        """The page of that request if its effects have not run yet; None of one that was dealt with, or never came."""
        with self._lock:
            return self._waiting.get(request_id)

    def close(self) -> None:
        """Deal with what waits, then stop the worker."""
        self._queue.put(None)
        self._worker.join()

    def _work(self) -> None:
        going = True
        while going:
            taken = [self._queue.get()]
            while len(taken) < MAX_PAGES and not self._queue.empty():
                taken.append(self._queue.get())
            going = None not in taken
            self._run([page for page in taken if page is not None])

    def _run(self, pages: Sequence[Page]) -> None:
        if not pages:
            return
        failed = 0
        for effect in self._effects:
            try:
                effect.after(pages)
            except Exception:
                failed += 1
                log.exception("side effect %r failed for %s", effect.name, ", ".join(page.request_id for page in pages))
        with self._lock:
            self.done += len(pages)
            self.failed += failed
            for page in pages:
                self._waiting.pop(page.request_id, None)
