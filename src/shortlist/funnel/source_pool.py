"""Runs a request's sources under their budgets and gives up on the late ones.

Sources that only compute gain nothing from a thread each: the interpreter runs one of them at a time, and every change
of turns costs more than their arithmetic. So one thread takes a request's sources one after the other, which for
sources in memory is a fraction of a millisecond each. As soon as one of them stalls, because it waits for a disk or for
another machine, a further thread takes the next one, and so they run side by side.

A thread cannot be stopped from outside, so a source that was given up may still be running. Each source may have
``MAX_OVERDUE`` such calls; beyond that it is left out at once, so that one slow source cannot eat the whole pool.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from shortlist.core.candidates import Candidates
from shortlist.core.errors import StageFailed
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Source
from shortlist.funnel.calls import Call, Calls
from shortlist.funnel.recorder import Recorder, Stage

__all__ = ["MAX_OVERDUE", "SourcePool"]

MAX_OVERDUE = 4


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
        asked = [stage for stage in stages if self._may_be_asked(stage, recorder)]
        found: dict[int, Candidates] = {}
        calls = Calls(asked, batch, recorder)
        try:
            while calls.open:
                if calls.wants_a_thread():
                    self._executor.submit(calls.work)
                ended, late = calls.next()
                for call in late:
                    self._count_overdue(calls, call)
                for call in ended:
                    if (taken := _taken(call, recorder)) is not None:  # nothing found is an answer, with its columns
                        found[id(call.stage)] = taken
                for call in late:
                    _given_up(call, recorder)
        finally:  # a required source that failed ends the request while others still run
            for call in calls.abandon():
                self._count_overdue(calls, call)
        return [
            found[id(stage)] if id(stage) in found else Candidates.none(len(batch), (stage.component.name,))
            for stage in stages
        ]

    def _may_be_asked(self, stage: Stage[Source], recorder: Recorder) -> bool:
        if self._overdue.get(id(stage.component), 0) < MAX_OVERDUE:
            return True
        _without(stage, recorder, recorder.now_ms(), "skipped", f"{MAX_OVERDUE} earlier calls still run")
        return False

    def _count_overdue(self, calls: Calls, call: Call) -> None:
        key = id(call.stage.component)
        with self._lock:
            self._overdue[key] = self._overdue.get(key, 0) + 1

        def ended() -> None:
            with self._lock:
                self._overdue[key] -= 1

        calls.when_ended(call, ended)


def _taken(call: Call, recorder: Recorder) -> Candidates | None:
    began_ms = call.begun_ms or 0.0
    if isinstance(call.outcome, Candidates):
        recorder.span("retrieve", call.stage, began_ms, end_ms=call.ended_ms, n_out=len(call.outcome))
        return call.outcome
    note = recorder.failed("retrieve", call.stage, call.outcome or RuntimeError("no outcome"))
    recorder.span("retrieve", call.stage, began_ms, end_ms=call.ended_ms, outcome="failed", note=note)
    return None


def _given_up(call: Call, recorder: Recorder) -> None:
    if call.begun_ms is None:
        note = f"it had not begun by the deadline of {recorder.deadline_ms:.3g} ms"
        _without(call.stage, recorder, recorder.deadline_ms, "late", note)
    else:
        allowed_ms = call.ends_ms(recorder.deadline_ms) - call.begun_ms
        _without(call.stage, recorder, call.begun_ms, "late", f"no answer in {allowed_ms:.3g} ms")


def _without(
    stage: Stage[Source], recorder: Recorder, started_ms: float, outcome: Literal["late", "skipped"], note: str
) -> None:
    if stage.required:
        raise StageFailed(
            f"the source {stage.component.name!r} was {outcome}: {note}",
            where="funnel stage 'retrieve'",
            fix="try again, or give it a larger budget",
        )
    recorder.span("retrieve", stage, started_ms, outcome=outcome, note=note)
