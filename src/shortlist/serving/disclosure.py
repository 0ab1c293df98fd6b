"""What of a served page is for everybody, and what for the operator only."""

from __future__ import annotations

from msgspec.structs import replace

from shortlist.core.page import Page

__all__ = ["without_losers", "without_visitor"]


def without_losers(page: Page) -> Page:
    """The page without the ads that it did not show: who bid, on which keyword and how much, is the losers' affair.

    Spans still count how many ads took part and for which reasons some did not.
    """
    traces = tuple(
        replace(trace, candidates=tuple(row for row in trace.candidates if row.block == "organic" or row.slot))
        for trace in page.traces
    )
    return replace(page, traces=traces, scored=())


def without_visitor(page: Page) -> Page:
    """The page without who asked for it, and for what."""
    return replace(page, user=None, known_user=False, query="")
