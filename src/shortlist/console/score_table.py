"""Why this score, as the trace page shows it: a row a feature, largest first, the small ones added up."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from shortlist.console.explain import find
from shortlist.core.errors import NotFound
from shortlist.core.page import Page
from shortlist.core.trace import Trace
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.engine import Engine
from shortlist.funnel.runner import Funnel
from shortlist.funnel.why_score import ScoreStory, why_score
from shortlist.pages import svg

__all__ = ["ScoreRow", "ScoreTable", "score_tables"]

SHOWN = 10
NOTHING = 5e-4
"""A contribution that would be printed as 0.000."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One feature; ``bar`` reaches from the middle to the right where it lifts the candidate."""

    feature: str
    meaning: str
    value: str
    beside: str
    log_odds: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """A candidate beside another.

    Attributes:
        difference: of the log odds; what the rows add up to.
        error: the largest standard error of a row; 0 where the split is exact.
        reason: why there are no rows; empty where there are.
    """

    title: str
    beside: str = ""
    column: str = ""
    probability: float = 0.0
    other: float = 0.0
    difference: float = 0.0
    error: float = 0.0
    rows: tuple[ScoreRow, ...] = ()
    reason: str = ""


def score_tables(engine: Engine, page: Page, asked: tuple[int, ...]) -> dict[tuple[str, int], ScoreTable]:
    """A table for each funnel and each item that was asked about and scored."""
    tables = {}
    for trace in page.traces:
        for candidate in find(trace, asked):
            if trace.funnel == "search" or candidate.dropped_by:
                continue  # what the words of a query match is not learned, and has no features
            title = _title(engine.catalogue, candidate.item)
            try:
                story = why_score(_funnel(engine, trace), trace, page, candidate, engine.catalogue)
            except NotFound as error:
                tables[trace.funnel, candidate.item] = ScoreTable(title, reason=error.what)
                continue
            tables[trace.funnel, candidate.item] = _table(story, title, _title(engine.catalogue, story.beside))
    return tables


def _funnel(engine: Engine, trace: Trace) -> Funnel:
    funnel = engine.search.sponsored if trace.funnel == "sponsored" else engine.feed.funnel
    if funnel is None:
        raise NotFound("the active release sells no slots", where=trace.funnel, fix="ask for the page again")
    return funnel


def _title(catalogue: Catalogue, item: int) -> str:
    return catalogue.title(item) or f"item {item}"


def _table(story: ScoreStory, title: str, beside: str) -> ScoreTable:
    widest = max(abs(part.log_odds) for part in story.parts)
    told = [one for one in story.parts[:SHOWN] if abs(one.log_odds) >= NOTHING]
    parts = [(one.feature, one.meaning, one.value, one.beside, one.log_odds) for one in told]
    rest = story.parts[len(told) :]
    if rest:
        parts.append((f"{len(rest)} others", "what is left, added up", "", "", sum(one.log_odds for one in rest)))
    return ScoreTable(
        title,
        beside=beside,
        column=story.column,
        probability=story.probability,
        other=story.other,
        difference=story.difference,
        error=max(part.error for part in story.parts),
        rows=tuple(
            ScoreRow(name.replace("_", " "), meaning, value, other, f"{phi:+z.3f}", _bar(phi / (widest or 1.0)))
            for name, meaning, value, other, phi in parts
        ),
    )


def _bar(share: float) -> Markup:
    """A bar from the middle, at most half of the width to either side."""
    width = 50.0 * min(abs(share), 1.0)
    start = 50.0 if share >= 0.0 else 50.0 - width
    way = "up" if share >= 0.0 else "down"
    return svg.bar([svg.rect(0, 4.5, 100, 1, "track"), svg.rect(start, 0, width, 10, way)], css="lift")
