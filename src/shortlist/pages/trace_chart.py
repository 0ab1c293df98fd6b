"""A trace as rows to draw: how many candidates each stage let through, and how long it took against its budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shortlist.core.trace import Span, Trace
from shortlist.pages import svg

__all__ = ["CountRow", "axis_ms", "count_rows", "funnel_chart", "waterfall"]

HEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class CountRow:
    """One step of the funnel.

    Attributes:
        label: what it is called.
        detail: a word about it.
        count: candidates that came out.
        note: what was dropped and why.
        drawing: the candidates that went in and came out, on a log scale.
    """

    label: str
    detail: str
    count: int
    note: str
    drawing: Markup


def count_rows(trace: Trace) -> list[CountRow]:
    """The funnel from its sources to the page; stages that neither add nor drop candidates are left out."""
    inner = [span for span in trace.spans if span.stage in ("filter", "score", "select")]
    first = next((span for span in trace.spans if span.stage in ("hydrate", "filter", "score", "select")), None)
    most = max([span.n_out for span in trace.spans if span.stage == "retrieve"] + [first.n_in if first else 0, 1])
    rows = [
        CountRow(span.name, "source", span.n_out, _outcome(span), _shape(span.n_out, span.n_out, most, "retrieve"))
        for span in trace.spans
        if span.stage == "retrieve"
    ]
    if first is not None and len(rows) > 1:
        both = sum(row.count for row in rows) - first.n_in
        note = f"{both} duplicates" if both > 0 else ""
        rows.append(CountRow("merged", "an item once", first.n_in, note, _shape(most, first.n_in, most, "retrieve")))
    rows += [
        CountRow(span.name, span.stage, span.n_out, _outcome(span), _shape(span.n_in, span.n_out, most, span.stage))
        for span in inner
    ]
    return rows


def funnel_chart(trace: Trace) -> Markup:
    """Candidates, stage by stage, as a list whose rows draw the funnel."""
    row = Markup('<li><span class="label">{} <small>{}</small></span>{}<span class="end"><b>{}</b> {}</span></li>')
    rows = Markup().join(
        row.format(_words(step.label), step.detail, step.drawing, step.count, step.note) for step in count_rows(trace)
    )
    return Markup('<ol class="funnel">{}</ol>').format(rows)


def waterfall(trace: Trace) -> Markup:
    """Time, stage by stage, as a list of bars in the dashed frames of their budgets; see ``axis_ms`` for its edge."""
    scale = svg.Scale((0.0, axis_ms(trace)), (0.0, 100.0))
    row = Markup(
        '<li><span class="label">{} <small>{}</small></span>{}<span class="end num">{} '
        '<span class="muted">of {} ms</span>{}</span></li>'
    )
    rows = Markup().join(
        row.format(
            _words(span.name),
            span.stage,
            _bar(span, scale),
            f"{span.took_ms:.2f}",
            f"{span.budget_ms:.4g}",
            _flag(span),
        )
        for span in trace.spans
    )
    return Markup('<ol class="waterfall">{}</ol>').format(rows)


def axis_ms(trace: Trace) -> float:
    """Milliseconds at the right edge of the waterfall: the run with some air, so that 3 ms of 50 stay readable."""
    end = max([trace.took_ms, *(span.start_ms + span.took_ms for span in trace.spans)])
    limit = trace.deadline_ms if math.isfinite(trace.deadline_ms) else end
    return min(max(end * 1.6, 1.0), max(limit, end))


def _bar(span: Span, scale: svg.Scale) -> Markup:
    start, stop = scale(span.start_ms), scale(span.start_ms + span.took_ms)
    allowed = min(scale(span.start_ms + span.budget_ms), 100.0)
    css = "late" if span.over_budget or span.outcome != "ok" else span.stage
    return svg.bar(
        [
            svg.rect(0, 4.25, 100, 1.5, "track"),
            svg.polyline([(start, 1.0), (allowed, 1.0), (allowed, 9.0), (start, 9.0)], "budget"),
            svg.rect(start, 2.75, max(stop - start, 0.4), 4.5, css),
        ]
    )


def _shape(n_in: int, n_out: int, most: int, css: str) -> Markup:
    top, bottom = _half(n_in, most), _half(n_out, most)
    outline = [(50 - top, 0.0), (50 + top, 0.0), (50 + bottom, HEIGHT), (50 - bottom, HEIGHT)]
    kept = svg.polygon([(50 - bottom, 0.0), (50 + bottom, 0.0), (50 + bottom, HEIGHT), (50 - bottom, HEIGHT)], css)
    return svg.bar([svg.polygon(outline, "cut"), kept] if n_in > n_out else [kept])


def _half(count: int, most: int) -> float:
    return max(50 * math.log1p(count) / math.log1p(most), 0.4 if count else 0.0)


def _outcome(span: Span) -> str:
    if span.outcome != "ok":
        return f"{span.outcome}: {span.note}" if span.note else span.outcome
    return ", ".join(f"{n} dropped: {reason}" for reason, n in _by_count(span))


def _by_count(span: Span) -> Sequence[tuple[str, int]]:
    return sorted(span.dropped.items(), key=lambda pair: -pair[1])


def _flag(span: Span) -> Markup:
    word = span.outcome if span.outcome != "ok" else "over" if span.over_budget else ""
    return Markup(' <span class="chip dropped">{}</span>').format(word) if word else Markup()


def _words(name: str) -> str:
    return name.replace("_", " ")
