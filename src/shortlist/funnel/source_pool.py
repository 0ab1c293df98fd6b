"""Asks the sources: side by side, giving up on the late ones, or inline.

Sources that wait for a disk or another machine, or compute for long, run on a thread each. One that finds its rows in
a few hundred microseconds does not gain from that: the interpreter runs one such thread at a time, and waking one,
and then the caller with cold caches, costs more than the work. A small catalogue's sources are ``inline`` therefore.

A thread cannot be stopped from outside, so a source that was given up may still be running. Each source may have
``MAX_OVERDUE`` such calls; beyond that it is left out at once, so that one slow source cannot eat the whole pool.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from shortlist.core.candidates import Candidates
from shortlist.core.errors import StageFailed
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Source
from shortlist.funnel.recorder import Recorder, Stage

__all__ = ["INLINE_AT_MOST", "MAX_OVERDUE", "SourcePool"]

MAX_OVERDUE = 4
INLINE_AT_MOST = 50_000
"""Items of a catalogue whose sources are asked inline."""


class SourcePool:
    """Threads that the sources of one or several funnels share.

    Args:
        threads: how many sources may run at once, over all requests.
    """

    def __init__(self, threads: int = 32) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="source")
        self._lock = threading.Lock()
        self._overdue: dict[int, int] = {}

    def close(self) -> None:
        """Take no more work; calls that still run are left to end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def retrieve(self, stages: Sequence[Stage[Source]], batch: RequestBatch, recorder: Recorder) -> list[Candidates]:
        """What each source found, in the order of ``stages``; nothing of one that was late, failed or left out.

        Raises:
            StageFailed: a required source was late or failed.
        """
        started_ms = recorder.now_ms()
        found = [Candidates.none(len(batch), (stage.component.name,)) for stage in stages]
        running: dict[Future[Candidates], int] = {}
        try:
            for place, stage in enumerate(stages):
                if self._overdue.get(id(stage.component), 0) >= MAX_OVERDUE:
                    self._without(stage, recorder, started_ms, "skipped", f"{MAX_OVERDUE} earlier calls still run")
                elif not stage.inline:
                    running[self._executor.submit(stage.component.retrieve, batch)] = place
            for place, stage in enumerate(stages):
                if stage.inline:
                    found[place] = recorder.step("retrieve", stage, found[place], partial(_retrieve, batch))
            while running:
                ends_ms = {future: _ends_ms(stages[place], recorder, started_ms) for future, place in running.items()}
                soonest = min(ends_ms.values())
                patience = None if soonest == float("inf") else max(soonest - recorder.now_ms(), 0.0) / 1e3
                done, _ = wait(running, patience, FIRST_COMPLETED)
                for future in done:
                    place = running.pop(future)
                    taken = self._taken(future, stages[place], recorder, started_ms)
                    if taken is not None:  # nothing found is an answer, with columns of its own
                        found[place] = taken
                for future in [] if done else [future for future, end in ends_ms.items() if end == soonest]:
                    stage = stages[running.pop(future)]
                    self._count_overdue(stage.component, future)
                    self._without(stage, recorder, started_ms, "late", f"no answer in {soonest - started_ms:.3g} ms")
        finally:  # a required source that failed ends the request while others still run
            for future, place in running.items():
                self._count_overdue(stages[place].component, future)
        return found

    @staticmethod
    def _taken(
        future: Future[Candidates], stage: Stage[Source], recorder: Recorder, started_ms: float
    ) -> Candidates | None:
        error = future.exception()
        if isinstance(error, Exception):
            note = recorder.failed("retrieve", stage, error)
            recorder.span("retrieve", stage, started_ms, outcome="failed", note=note)
            return None
        candidates = future.result()
        recorder.span("retrieve", stage, started_ms, n_out=len(candidates))
        return candidates

    @staticmethod
    def _without(stage: Stage[Source], recorder: Recorder, started_ms: float, outcome: str, note: str) -> None:
        if stage.required:
            raise StageFailed(
                f"the source {stage.component.name!r} was {outcome}: {note}",
                where="funnel stage 'retrieve'",
                fix="try again, or give it a larger budget",
            )
        recorder.span("retrieve", stage, started_ms, outcome="late" if outcome == "late" else "skipped", note=note)

    def _count_overdue(self, source: Source, future: Future[Candidates]) -> None:
        key = id(source)
        with self._lock:
            self._overdue[key] = self._overdue.get(key, 0) + 1

        def ended(_: Future[Candidates]) -> None:
            with self._lock:
                self._overdue[key] -= 1

        if future.cancel():  # it had not begun: nothing runs on
            with self._lock:
                self._overdue[key] -= 1
        else:
            future.add_done_callback(ended)


def _retrieve(batch: RequestBatch, source: Source, _: Candidates) -> Candidates:
    return source.retrieve(batch)


def _ends_ms(stage: Stage[Source], recorder: Recorder, started_ms: float) -> float:
    """When a source is given up: at its own budget's end; a required one, like all of them, at the run's deadline."""
    if stage.required or recorder.deadline_ms == float("inf"):
        return recorder.deadline_ms
    return min(started_ms + stage.budget_ms, recorder.deadline_ms)
