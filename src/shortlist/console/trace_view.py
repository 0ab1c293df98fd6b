"""The trace page of one request: both funnels of a search, or the one of a feed, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from shortlist.console.explain import Story, find, steps_of, story_of
from shortlist.core.page import Page
from shortlist.core.trace import CandidateTrace, Trace
from shortlist.features.catalogue import Catalogue
from shortlist.pages.trace_chart import axis_ms, funnel_chart, waterfall

__all__ = ["Dropped", "FunnelView", "funnel_view", "matching_items"]

NOT_SHOWN_ROWS = 20
DROPPED_ROWS = 8
MATCHES = 6


@dataclass(frozen=True, slots=True)
class Dropped:
    """Candidates that one filter dropped for one reason, the first few of them by name."""

    by: str
    reason: str
    count: int
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunnelView:
    """One funnel of a page.

    Attributes:
        steps: the columns of the candidates' table.
        shown: in the order of their slots.
        runners_up: the best of those that were scored and not shown.
        n_scored: how many were scored in all.
        asked: the stories of the items that the reader asked about.
    """

    name: str
    took_ms: float
    deadline_ms: float
    counts: Markup
    times: Markup
    axis_ms: float
    steps: tuple[str, ...]
    shown: list[Story]
    runners_up: list[Story]
    n_scored: int
    dropped: list[Dropped]
    asked: list[Story]
    has_candidates: bool


def funnel_view(trace: Trace, page: Page, catalogue: Catalogue, asked: tuple[int, ...] = ()) -> FunnelView:
    """A trace as the page draws it.

    Args:
        trace: one of the page's.
        page: gives the currency of amounts.
        catalogue: gives the titles.
        asked: items that the reader wants explained.
    """
    currency = page.ads[0].currency if page.ads else ""

    def told(row: CandidateTrace) -> Story:
        return story_of(row, trace, catalogue.title(row.item) or f"item {row.item}", currency)

    score = "auction_score" if trace.funnel == "sponsored" else "rank_score"
    scored = [row for row in trace.candidates if not row.dropped_by]
    shown = sorted((row for row in scored if row.slot), key=lambda row: row.slot)
    others = sorted((row for row in scored if not row.slot), key=lambda row: -row.values.get(score, 0.0))
    return FunnelView(
        name=trace.funnel,
        took_ms=trace.took_ms,
        deadline_ms=trace.deadline_ms,
        counts=funnel_chart(trace),
        times=waterfall(trace),
        axis_ms=axis_ms(trace),
        steps=steps_of(trace),
        shown=[told(row) for row in shown],
        runners_up=[told(row) for row in others[:NOT_SHOWN_ROWS]],
        n_scored=len(scored),
        dropped=_dropped(trace, catalogue),
        asked=[told(row) for row in find(trace, asked)],
        has_candidates=bool(trace.candidates),
    )


def matching_items(words: str, catalogue: Catalogue) -> tuple[int, ...]:
    """The items whose key or whose title the reader may mean; at most six, the shortest titles first."""
    wanted = words.strip().lower()
    if not wanted:
        return ()
    hits = [row for row, title in enumerate(catalogue.titles) if row and wanted in title.lower()]
    hits.sort(key=lambda row: len(catalogue.titles[row]))
    keys = [int(catalogue.item[row]) for row in hits[:MATCHES]]
    return tuple([int(wanted), *keys] if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else keys)


def _dropped(trace: Trace, catalogue: Catalogue) -> list[Dropped]:
    groups: dict[tuple[str, str], list[int]] = {}
    for row in trace.candidates:
        if row.dropped_by:
            groups.setdefault((row.dropped_by, row.reason), []).append(row.item)
    return [
        Dropped(by, reason, len(items), tuple(catalogue.title(item) or f"item {item}" for item in items[:DROPPED_ROWS]))
        for (by, reason), items in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
