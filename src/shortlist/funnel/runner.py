"""The funnel: what happens between a request and a page. ``Funnel.run`` is the whole story; read it first.

    query hydrators → sources (side by side) → hydrators → filters → scorers → selector

A stage is a component from any room with a budget and a failure policy. The components know nothing of time: the
recorder (``recorder.py``) measures, skips and reports; the source pool (``source_pool.py``) runs the sources side by
side and gives up on the late ones. Side effects run after the answer has left (``side_effects.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from shortlist.core.candidates import Candidates, merge
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Filter, Hydrator, QueryHydrator, Scorer, Selector, Source
from shortlist.core.trace import Trace
from shortlist.funnel.explain import explain
from shortlist.funnel.recorder import Recorder, Stage
from shortlist.funnel.source_pool import SourcePool

__all__ = ["Funnel", "Run", "Stage", "single"]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a run of a funnel made.

    Attributes:
        batch: the requests as the query hydrators left them.
        shown: the selected rows, in the order of their slots.
        scored: every row that the selector could choose from.
        trace: what happened.
    """

    batch: RequestBatch
    shown: Candidates
    scored: Candidates
    trace: Trace


@dataclass(frozen=True, slots=True, eq=False)
class Funnel:
    """The ordered stages of one product.

    Attributes:
        name: "feed", "search" or "sponsored".
        deadline_ms: for the whole run; optional stages are left out once it has passed.
        sources: run side by side, those that are ``inline`` one after the other.
        combine: makes one batch of what each source found; ``merge`` makes an item that was found twice one row
            with two sources, ``single`` leaves a lone source's rows as they are (two ads may show one item).
        selector: always required: without it there is no page.
    """

    name: str
    deadline_ms: float
    sources: tuple[Stage[Source], ...]
    selector: Stage[Selector]
    query_hydrators: tuple[Stage[QueryHydrator], ...] = ()
    hydrators: tuple[Stage[Hydrator], ...] = ()
    filters: tuple[Stage[Filter], ...] = ()
    scorers: tuple[Stage[Scorer], ...] = ()
    combine: Callable[[Sequence[Candidates]], Candidates] = merge
    pool: SourcePool = field(default_factory=SourcePool)

    def run(self, batch: RequestBatch, *, debug: bool = False, patient: bool = False) -> Run:
        """One or many requests through every stage.

        Args:
            batch: the requests; the server sends one, the evaluation thousands.
            debug: keep a trace of every candidate; the batch must then be one request.
            patient: no deadlines, for offline work on large batches.

        Raises:
            StageFailed: a required stage failed, or a required source was late.
        """
        recorder = Recorder(self.name, batch.requests[0].request_id, float("inf") if patient else self.deadline_ms)

        for looker in self.query_hydrators:
            batch = recorder.step("query", looker, batch, _hydrate_query)

        candidates = self.combine(self.pool.retrieve(self.sources, batch, recorder))

        for hydrator in self.hydrators:
            candidates = recorder.step("hydrate", hydrator, candidates, partial(_hydrate, batch))
        for gate in self.filters:
            candidates = recorder.step("filter", gate, candidates, partial(_filter, batch, recorder))
        for scorer in self.scorers:
            candidates = recorder.step("score", scorer, candidates, partial(_score, batch))
        shown = recorder.step("select", self.selector, candidates, partial(_select, batch))

        rows = explain(candidates, shown, recorder.dropped) if debug else ()
        return Run(batch, shown, candidates, recorder.trace(rows))


def single(found: Sequence[Candidates]) -> Candidates:
    """What the only source found, its columns included."""
    (only,) = found
    return only


def _hydrate_query(hydrator: QueryHydrator, batch: RequestBatch) -> RequestBatch:
    return hydrator.hydrate_query(batch)


def _hydrate(batch: RequestBatch, hydrator: Hydrator, candidates: Candidates) -> Candidates:
    return candidates.with_columns(hydrator.hydrate(batch, candidates))


def _filter(batch: RequestBatch, recorder: Recorder, gate: Filter, candidates: Candidates) -> Candidates:
    verdict = gate.filter(batch, candidates)
    recorder.drop(gate.name, candidates, verdict)
    return candidates.keep(verdict.kept)


def _score(batch: RequestBatch, scorer: Scorer, candidates: Candidates) -> Candidates:
    return candidates.with_columns(scorer.score(batch, candidates))


def _select(batch: RequestBatch, selector: Selector, candidates: Candidates) -> Candidates:
    return selector.select(batch, candidates)
