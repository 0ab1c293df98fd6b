"""One request's calls of its sources: which wait, which run, which have ended, and when another thread is worth it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Source
from shortlist.funnel.recorder import Recorder, Stage

__all__ = ["STALLED_MS", "Call", "Calls"]

STALLED_MS = 2.0
"""A call that takes longer than this gets company: the next one begins on another thread."""


class Call:
    """One source asked for one request.

    Attributes:
        stage: the source with its budget.
        begun_ms: when it began, in the recorder's time; None before.
        ended_ms: when it ended; None before.
        outcome: what it found, or what it raised; None before it has ended.
    """

    def __init__(self, stage: Stage[Source]) -> None:
        self.stage = stage
        self.begun_ms: float | None = None
        self.ended_ms: float | None = None
        self.outcome: Candidates | Exception | None = None
        self.after: Callable[[], None] | None = None

    def run(self, batch: RequestBatch) -> Candidates | Exception:
        """What the source found, or what it raised."""
        try:
            return self.stage.component.retrieve(batch)
        except Exception as error:  # noqa: BLE001 - whatever a source raises, its failure policy decides
            return error

    def ends_ms(self, deadline_ms: float) -> float:
        """When it is given up: its own budget is used up; for a required one, as for all, the deadline has come."""
        if self.stage.required or self.begun_ms is None or deadline_ms == float("inf"):
            return deadline_ms
        return min(self.begun_ms + self.stage.budget_ms, deadline_ms)


class Calls:
    """Threads call ``work`` until nothing waits; the one that asked calls ``next`` until nothing is open.

    Args:
        stages: the sources, the first to be called first.
        batch: what they are asked.
        recorder: tells the time and the deadline.
    """

    def __init__(self, stages: Sequence[Stage[Source]], batch: RequestBatch, recorder: Recorder) -> None:
        self._batch, self._recorder = batch, recorder
        self._changed = threading.Condition()
        self._waiting = deque(Call(stage) for stage in stages)
        self._running: list[Call] = []
        self._ended: list[Call] = []
        self._coming = 0
        self._news = False

    @property
    def open(self) -> bool:
        """Is anything left that ``next`` has not returned?"""
        return bool(self._waiting or self._running or self._ended)

    def work(self) -> None:
        """On a thread of the pool: one call after the other."""
        call: Call | None = None
        while True:
            with self._changed:
                hook = self._end(call) if call is not None else None
                if call is None:
                    self._coming -= 1
                call = self._waiting.popleft() if self._waiting else None
                if call is not None:
                    call.begun_ms = self._recorder.now_ms()
                    self._running.append(call)
            if hook is not None:
                hook()
            if call is None:
                return
            outcome = call.run(self._batch)
            call.ended_ms, call.outcome = self._recorder.now_ms(), outcome

    def wants_a_thread(self) -> bool:
        """Something waits, and every call that runs has stalled; says so once for each thread that is to come."""
        with self._changed:
            stalled = self._recorder.now_ms() - STALLED_MS
            moving = any(call.begun_ms is not None and call.begun_ms > stalled for call in self._running)
            if not self._waiting or self._coming or moving:
                return False
            self._coming += 1
            return True

    def next(self) -> tuple[list[Call], list[Call]]:
        """Wait for something to happen: the calls that have ended, and those whose time was up before they did.

        The caller is not woken for each of several quick calls, only for the last one, for a failure, and by the clock.
        """
        with self._changed:
            if not self._news:
                self._changed.wait(self._patience())
            ended, self._ended, self._news = self._ended, [], False
            now_ms, deadline_ms = self._recorder.now_ms(), self._recorder.deadline_ms
            late = [call for call in (*self._running, *self._waiting) if call.ends_ms(deadline_ms) <= now_ms]
            self._drop(late)
            return ended, late

    def abandon(self) -> list[Call]:
        """Nothing more is wanted: the calls that still run."""
        with self._changed:
            left = list(self._running)
            self._waiting.clear()
            self._running.clear()
            return left

    def when_ended(self, call: Call, hook: Callable[[], None]) -> None:
        """Run ``hook`` when a call that was given up ends; at once if it has, or if it never begins."""
        with self._changed:
            if call.begun_ms is not None and call.ended_ms is None:
                call.after = hook
                return
        hook()

    def _patience(self) -> float | None:
        """Seconds until the clock has something to say; None for never."""
        deadline_ms = self._recorder.deadline_ms
        until = [call.ends_ms(deadline_ms) for call in (*self._running, *self._waiting)]
        now_ms = self._recorder.now_ms()
        if self._waiting:  # a thread that is still to come begins unseen
            begun = [call.begun_ms for call in self._running if call.begun_ms is not None]
            until.append(max(begun, default=now_ms) + STALLED_MS if not self._coming else now_ms + STALLED_MS)
        soonest = min(until, default=float("inf"))
        return None if soonest == float("inf") else max(soonest - now_ms, 0.0) / 1e3

    def _end(self, call: Call) -> Callable[[], None] | None:
        if call in self._running:
            self._running.remove(call)
            self._ended.append(call)
            if isinstance(call.outcome, Exception) or not (self._running or self._waiting):
                self._news = True
                self._changed.notify()
        return call.after

    def _drop(self, late: Sequence[Call]) -> None:
        for call in late:
            (self._waiting if call.begun_ms is None else self._running).remove(call)
