"""Drawings: places, escaping, nothing the content security policy would refuse."""

from __future__ import annotations

from markupsafe import Markup

from shortlist.core.trace import Span, Trace
from shortlist.pages import svg
from shortlist.pages.trace_chart import axis_ms, count_rows, funnel_chart, waterfall


def span(stage, name, start, took, budget, n_in=0, n_out=0, **more):
    return Span(stage=stage, name=name, start_ms=start, took_ms=took, budget_ms=budget, n_in=n_in, n_out=n_out, **more)


def trace(*spans, took_ms=4.0, deadline_ms=50.0):
    return Trace(funnel="feed", request_id="r", deadline_ms=deadline_ms, took_ms=took_ms, spans=spans)


SPANS = (
    span("query", "history", 0.0, 0.1, 1.0),
    span("retrieve", "als", 0.1, 1.0, 20.0, n_out=30),
    span("retrieve", "two_tower", 0.1, 0.5, 20.0, n_out=20),
    span("retrieve", "slow", 0.1, 20.0, 20.0, outcome="late", note="no answer within 20 ms"),
    span("hydrate", "row", 1.2, 0.1, 1.0, n_in=45, n_out=45),
    span("filter", "seen", 1.4, 0.1, 1.0, n_in=45, n_out=40, dropped={"seen before": 5}),
    span("score", "ranker", 1.6, 2.0, 1.5, n_in=40, n_out=40),
    span("select", "mmr", 3.7, 0.2, 5.0, n_in=40, n_out=10),
)


def test_words_are_escaped_and_nothing_is_inline():
    drawn = svg.drawing([svg.text(1, 2, "<b>&")], width=10, height=5, label='"quoted"')
    assert "<b>" not in drawn
    assert "&lt;b&gt;&amp;" in drawn
    assert "&#34;quoted&#34;" in drawn
    chart = funnel_chart(trace(*SPANS)) + waterfall(trace(*SPANS))
    assert isinstance(chart, Markup)
    assert "style=" not in chart
    assert "<script" not in chart


def test_a_straight_scale_of_a_single_value_is_its_start():
    assert svg.Scale((3, 3), (10, 20))(3) == 10.0


def test_the_funnel_counts_what_each_stage_let_through_and_why():
    rows = {row.label: row for row in count_rows(trace(*SPANS))}
    assert [(name, row.count) for name, row in rows.items()] == [
        ("als", 30), ("two_tower", 20), ("slow", 0), ("merged", 45), ("seen", 40), ("ranker", 40), ("mmr", 10)
    ]  # fmt: skip
    assert rows["merged"].note == "5 duplicates"
    assert rows["seen"].note == "5 dropped: seen before"
    assert rows["slow"].note == "late: no answer within 20 ms"


def test_a_single_source_is_not_merged():
    only = trace(SPANS[1], span("filter", "seen", 1.4, 0.1, 1.0, n_in=30, n_out=30))
    assert [row.label for row in count_rows(only)] == ["als", "seen"]


def test_the_axis_holds_the_run_and_ends_no_later_than_the_deadline():
    assert axis_ms(trace(SPANS[0], took_ms=4.0)) == 6.4
    assert axis_ms(trace(SPANS[0], took_ms=40.0)) == 50.0
    assert axis_ms(trace(SPANS[0], took_ms=70.0)) == 70.0
    assert axis_ms(trace(SPANS[0], took_ms=4.0, deadline_ms=float("inf"))) == 4.0


def test_late_and_over_budget_are_said_in_words():
    drawn = waterfall(trace(*SPANS))
    assert drawn.count(">late<") == 1
    assert drawn.count(">over<") == 1
