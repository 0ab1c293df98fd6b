"""Why this, why not that: what became of one candidate, in words that quote its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shortlist.console.items import value_text
from shortlist.core.trace import CandidateTrace, Trace

__all__ = ["Story", "find", "story_of"]

STEPS: dict[str, tuple[str, ...]] = {
    "feed": ("p_like_raw", "p_like", "rank_score", "added_score"),
    "search": ("relevance", "p_like_raw", "p_like", "rank_score", "added_score"),
    "sponsored": ("p_click_1_raw", "p_click_1", "quality", "bid", "auction_score", "price"),
}
"""The columns of a funnel in the order in which one is made of the other."""


@dataclass(frozen=True, slots=True)
class Story:
    """What became of one candidate.

    Attributes:
        state: "shown", "not shown" or "dropped".
        steps: a name and a figure a step, as far as the candidate came.
        why: one or two sentences.
    """

    item: int
    title: str
    state: str
    slot: int
    sources: tuple[tuple[str, int], ...]
    steps: tuple[tuple[str, str], ...]
    why: str


def steps_of(trace: Trace) -> tuple[str, ...]:
    """The columns of ``STEPS`` that at least one candidate of the trace has."""
    named = STEPS.get(trace.funnel, STEPS["feed"])
    return tuple(name for name in named if any(name in row.values for row in trace.candidates))


def story_of(candidate: CandidateTrace, trace: Trace, title: str, currency: str = "") -> Story:
    """Why a candidate is on the page, or why it is not."""
    steps = tuple(
        (name, value_text(name, candidate.values[name], currency))
        for name in steps_of(trace)
        if name in candidate.values
    )
    state = "shown" if candidate.slot else "dropped" if candidate.dropped_by else "not shown"
    sources = tuple(sorted(candidate.sources.items(), key=lambda pair: pair[1]))
    return Story(candidate.item, title, state, candidate.slot, sources, steps, _why(candidate, trace))


def find(trace: Trace, items: Sequence[int]) -> list[CandidateTrace]:
    """The candidates of a trace that show one of the items."""
    wanted = set(items)
    return [row for row in trace.candidates if row.item in wanted]


def _why(candidate: CandidateTrace, trace: Trace) -> str:
    found = " and ".join(f"{name} (its no. {rank})" for name, rank in sorted(candidate.sources.items(), key=_rank))
    if candidate.dropped_by:
        return f"Found by {found}; the filter {candidate.dropped_by} dropped it: {candidate.reason}."
    score = "auction_score" if trace.funnel == "sponsored" else "rank_score"
    place, of = _place(candidate, trace, score)
    ranked = f"{_score_name(score)} {value_text(score, candidate.values[score])} is no. {place} of {of}" if of else ""
    if candidate.slot:
        chance = candidate.values.get("selection_propensity")
        drawn = f"; it was chosen for slot {candidate.slot}"
        if chance is not None:
            drawn += f" with probability {value_text('selection_propensity', chance)}"
        return f"Found by {found}. Its {ranked or 'score is not known'}{drawn}."
    shown = [row.values[score] for row in trace.candidates if row.slot and score in row.values]
    missed = f"; the lowest on the page has {value_text(score, min(shown))}" if shown else ""
    return f"Found by {found}. Its {ranked or 'score is not known'}{missed}."


def _place(candidate: CandidateTrace, trace: Trace, score: str) -> tuple[int, int]:
    if score not in candidate.values:
        return 0, 0
    scores = [row.values[score] for row in trace.candidates if score in row.values and not row.dropped_by]
    return 1 + sum(other > candidate.values[score] for other in scores), len(scores)


def _rank(pair: tuple[str, int]) -> int:
    return pair[1]


def _score_name(column: str) -> str:
    return column.replace("_", " ")
