"""``Trace``: what one request did, stage by stage; the console, the metrics and ``debug=true`` all read it."""

from __future__ import annotations

import msgspec

__all__ = ["CandidateTrace", "Degradation", "Span", "Trace"]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of one request.

    Attributes:
        stage: "retrieve", "hydrate", "filter", "score" or "select".
        name: the component's own name.
        start_ms: milliseconds after the request began.
        took_ms: milliseconds until it returned, or until it was given up.
        budget_ms: what it was allowed.
        n_in: candidates that went in (0 for a source).
        n_out: candidates that came out.
        dropped: how many were dropped, by reason.
        outcome: "ok"; or "late", "failed", "skipped" for a stage whose result was not used.
        note: why, where the outcome is not "ok".
    """

    stage: str
    name: str
    start_ms: float
    took_ms: float
    budget_ms: float
    n_in: int
    n_out: int
    dropped: dict[str, int] = {}
    outcome: str = "ok"
    note: str = ""

    @property
    def over_budget(self) -> bool:
        """Did it take longer than it was allowed?"""
        return self.took_ms > self.budget_ms


class Degradation(msgspec.Struct, frozen=True, kw_only=True):
    """Something a page went without: reported in the answer and in the log, never silent."""

    stage: str
    name: str
    reason: str


class CandidateTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one candidate.

    Attributes:
        item: catalogue key.
        block: the block of the page it stood for: "organic" or "sponsored".
        sources: rank in each source that found it, from 1.
        values: the columns that stages added, by name (``p_like_raw``, ``p_like``, ``rank_score``, ``price``, ...);
            ids, slots and micros are integers.
        slot: where in its block it was shown, 0 if it was not.
        dropped_by: the filter that dropped it, empty if none did.
        reason: why.
    """

    item: int
    sources: dict[str, int]
    values: dict[str, int | float]
    block: str = "organic"
    slot: int = 0
    dropped_by: str = ""
    reason: str = ""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a funnel did.

    Attributes:
        funnel: its name: "feed", "search" or "sponsored".
        request_id: the page it ran for; of a batch, the first.
        deadline_ms: what the whole run was allowed.
        took_ms: what it took.
        spans: the stages in the order in which they began.
        degradations: what was left out and why.
        candidates: a row a candidate, filled only where a request asked for it (``debug=true``).
    """

    funnel: str
    request_id: str
    deadline_ms: float
    took_ms: float
    spans: tuple[Span, ...]
    degradations: tuple[Degradation, ...] = ()
    candidates: tuple[CandidateTrace, ...] = ()
