"""Group commit: what many threads want written goes to the disk in one transaction, with one fsync.

Each piece of work has its own savepoint: one that fails takes nothing of the others with it. ``write`` returns after
the commit, so what it returned for is durable.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa

from shortlist.core.errors import ShortlistError

__all__ = ["MAX_GROUP", "GroupCommit"]

MAX_GROUP = 256
"""Pieces of work in one transaction, at most."""

T = TypeVar("T")
Job = tuple[Callable[[sa.Connection], Any], "Future[Any]"]


class GroupCommit:
    """The one writer of a database. Safe to call from many threads.

    Args:
        engine: opened by ``open_database``.

    Attributes:
        commits: transactions so far.
        written: pieces of work that they held.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._open = True
        self.commits = 0
        self.written = 0
        self._worker = threading.Thread(target=self._work, name="group-commit", daemon=True)
        self._worker.start()

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work(connection)`` in the next transaction; its result, once that is on the disk.

        Raises:
            ShortlistError: the writer has been closed.
        """
        future: Future[T] = Future()
        with self._gate:
            if not self._open:
                raise ShortlistError("the log is closed", where="events", fix="the server is shutting down: try again")
            self._queue.put((work, future))
        return future.result()

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._gate:
            if not self._open:
                return
            self._open = False
            self._queue.put(None)
        self._worker.join()

    def _work(self) -> None:
        going = True
        while going:
            jobs = [self._queue.get()]
            while len(jobs) < MAX_GROUP and not self._queue.empty():
                jobs.append(self._queue.get())
            going = None not in jobs
            self._commit([job for job in jobs if job is not None])

    def _commit(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        done: list[tuple[Future[Any], Any]] = []
        refused: list[tuple[Future[Any], Exception]] = []
        try:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                for work, future in jobs:
                    try:
                        with connection.begin_nested():
                            done.append((future, work(connection)))
                    except Exception as error:  # noqa: BLE001 - whatever the work raises is its caller's
                        refused.append((future, error))
        except Exception as error:  # noqa: BLE001 - the disk is full, the file is locked: every caller must know
            for _, future in jobs:
                future.set_exception(error)
            return
        self.commits += 1
        self.written += len(done)
        for future, result in done:
            future.set_result(result)
        for future, failure in refused:
            future.set_exception(failure)
