"""Times the stages of a run, keeps its deadline and its failure policy, and writes the trace."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np

from shortlist.core.arrays import Int64
from shortlist.core.candidates import Candidates
from shortlist.core.errors import ShortlistError, StageFailed
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Filtered, Named
from shortlist.core.trace import CandidateTrace, Degradation, Span, Trace

__all__ = ["DroppedRows", "Recorder", "Stage"]

log = logging.getLogger("shortlist.funnel")

C = TypeVar("C", bound=Named)
C_co = TypeVar("C_co", bound=Named, covariant=True)
V = TypeVar("V", Candidates, RequestBatch)


@dataclass(frozen=True, slots=True)
class Stage(Generic[C_co]):
    """A component in its place.

    Attributes:
        budget_ms: what it is allowed. An optional source that needs longer is given up, a required one at the run's
            deadline; any other stage that needs longer is reported, and so is an inline source.
        required: if it fails the request fails; otherwise the page goes without it and says so.
        inline: of a source: it is asked on the request's own thread, like all other stages. For one that computes for
            less time than it takes to wake a thread, and never waits.
    """

    component: C_co
    budget_ms: float
    required: bool = False
    inline: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class DroppedRows:
    """Rows that one filter dropped for one reason.

    Attributes:
        by: the filter's name.
        reason: why.
        keys: of the rows, int64 ``(n,)``.
        among: the rows that the filter was given.
    """

    by: str
    reason: str
    keys: Int64
    among: Candidates

    @property
    def rows(self) -> Candidates:
        """The rows themselves, with what was known of them."""
        return self.among.keep(np.isin(self.among.key, self.keys))


class Recorder:
    """The stopwatch and notebook of one run.

    Attributes:
        deadline_ms: milliseconds after its beginning.
        dropped: what the filters have dropped so far.
    """

    def __init__(self, funnel: str, request_id: str, deadline_ms: float) -> None:
        self._funnel = funnel
        self._request_id = request_id
        self.deadline_ms = deadline_ms
        self._began = time.perf_counter_ns()
        self._spans: list[Span] = []
        self._degradations: list[Degradation] = []
        self.dropped: list[DroppedRows] = []

    def now_ms(self) -> float:
        """Milliseconds since the run began."""
        return (time.perf_counter_ns() - self._began) / 1e6

    def left_ms(self) -> float:
        """Milliseconds until the deadline; negative after it."""
        return self.deadline_ms - self.now_ms()

    def step(self, kind: str, stage: Stage[C], before: V, work: Callable[[C, V], V]) -> V:
        """Run one stage on the calling thread: ``work(component, before)``.

        An optional stage that fails, or whose turn comes after the deadline, is left out: the run goes on with
        ``before``, and the trace and the answer say so.

        Raises:
            StageFailed: a required stage failed.
        """
        start_ms, known = self.now_ms(), len(self.dropped)
        n_in = _rows(before)
        if not stage.required and self.left_ms() <= 0.0:
            note = f"the deadline of {self.deadline_ms:g} ms had passed"
            self.span(kind, stage, start_ms, n_in=n_in, n_out=n_in, outcome="skipped", note=note)
            return before
        try:
            after = work(stage.component, before)
        except Exception as error:  # noqa: BLE001 - whatever a component raises, the failure policy decides
            note = self.failed(kind, stage, error)
            self.span(kind, stage, start_ms, n_in=n_in, n_out=n_in, outcome="failed", note=note)
            return before
        dropped = {part.reason: len(part.keys) for part in self.dropped[known:]}
        self.span(kind, stage, start_ms, n_in=n_in, n_out=_rows(after), dropped=dropped)
        return after

    def drop(self, by: str, candidates: Candidates, verdict: Filtered) -> None:
        """Remember which rows a filter dropped, and why.

        Raises:
            ShortlistError: the kept and the dropped rows are not together all rows.
        """
        if np.count_nonzero(verdict.kept) + sum(len(part.keys) for part in verdict.dropped) != len(candidates):
            raise ShortlistError(
                f"filter {by!r} kept and dropped other rows than it was given",
                where=f"funnel {self._funnel!r}",
                fix="every row is either kept or dropped for exactly one reason",
            )
        for part in verdict.dropped:
            if len(part.keys):
                self.dropped.append(DroppedRows(by, part.reason, part.keys, candidates))

    def span(
        self,
        kind: str,
        stage: Stage[Named],
        start_ms: float,
        *,
        n_in: int = 0,
        n_out: int = 0,
        dropped: dict[str, int] | None = None,
        outcome: Literal["ok", "late", "failed", "skipped"] = "ok",
        note: str = "",
    ) -> None:
        """Write a stage down, ended just now; one that is not "ok" is also a degradation."""
        self._spans.append(
            Span(
                stage=kind,
                name=stage.component.name,
                start_ms=start_ms,
                took_ms=self.now_ms() - start_ms,
                budget_ms=stage.budget_ms,
                n_in=n_in,
                n_out=n_out,
                dropped=dropped or {},
                outcome=outcome,
                note=note,
            )
        )
        if outcome != "ok":
            reason = f"{outcome}: {note}" if note else outcome
            self._degradations.append(Degradation(stage=kind, name=stage.component.name, reason=reason))

    def failed(self, kind: str, stage: Stage[Named], error: Exception) -> str:
        """What may be said about a failure; the operator's log has the rest.

        Raises:
            StageFailed: the stage is required.
        """
        log.error("%s stage %r of %r failed", kind, stage.component.name, self._funnel, exc_info=error)
        note = str(error) if isinstance(error, ShortlistError) else type(error).__name__
        if stage.required:
            raise StageFailed(
                f"the {kind} stage {stage.component.name!r} failed: {note}",
                where=f"funnel {self._funnel!r}",
                fix="the page cannot be made without it; see the server's log",
            ) from error
        return note

    def trace(self, candidates: tuple[CandidateTrace, ...]) -> Trace:
        """Everything written down so far."""
        return Trace(
            funnel=self._funnel,
            request_id=self._request_id,
            deadline_ms=self.deadline_ms,
            took_ms=self.now_ms(),
            spans=tuple(self._spans),
            degradations=tuple(self._degradations),
            candidates=candidates,
        )


def _rows(value: Candidates | RequestBatch) -> int:
    return len(value) if isinstance(value, Candidates) else 0
