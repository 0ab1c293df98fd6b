"""What happens after the answer has left: one worker thread, a bounded queue, and nothing lost.

When the queue is full the caller does the work itself: the answer is slower, the log is whole.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence

from shortlist.core.page import Page
from shortlist.core.stages import SideEffect

__all__ = ["SideEffects"]

log = logging.getLogger("shortlist.funnel")


class SideEffects:
    """Runs side effects in the order in which pages were served.

    Args:
        effects: called one after the other for each page.
        capacity: pages that may wait.

    Attributes:
        done: pages whose effects have run.
        failed: calls that raised; each is in the operator's log.
    """

    def __init__(self, effects: Sequence[SideEffect], capacity: int = 10_000) -> None:
        self._effects = tuple(effects)
        self._queue: queue.Queue[Page | None] = queue.Queue(capacity)
        self._lock = threading.Lock()
        self.done = 0
        self.failed = 0
        self._worker = threading.Thread(target=self._work, name="side-effects", daemon=True)
        self._worker.start()

    def submit(self, page: Page) -> None:
        """Hand a page over; returns at once unless the queue is full."""
        try:
            self._queue.put_nowait(page)
        except queue.Full:
            self._run(page)

    def drain(self) -> None:
        """Wait until every page that was submitted has been dealt with."""
        self._queue.join()

    def close(self) -> None:
        """Deal with what waits, then stop the worker."""
        self._queue.put(None)
        self._worker.join()

    def _work(self) -> None:
        while True:
            page = self._queue.get()
            try:
                if page is None:
                    return
                self._run(page)
            finally:
                self._queue.task_done()

    def _run(self, page: Page) -> None:
        failed = 0
        for effect in self._effects:
            try:
                effect.after(page)
            except Exception:
                failed += 1
                log.exception("side effect %r failed for page %s", effect.name, page.request_id)
        with self._lock:
            self.done += 1
            self.failed += failed
