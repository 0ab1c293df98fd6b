"""Lessons: every state of every widget renders, and the recall table equals a count by hand."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from litestar.testing import TestClient
from tests.pages.serve import Holder, application
from tests.pages.world import World

from shortlist.core.columns import RANK_SCORE, RETRIEVAL_SCORE
from shortlist.core.errors import InvalidRequest
from shortlist.core.request import RequestBatch
from shortlist.core.trace import Span, Trace
from shortlist.lessons.lesson import LESSONS, WIDGETS
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.the_funnel.budget import BudgetView, p99_of, stage_times
from shortlist.lessons.the_funnel.held_out import held_out_requests, recall_table
from shortlist.lessons.widget import Slider


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world")).build()


@pytest.fixture(scope="module")
def client(world):
    with TestClient(application(Holder(world))) as client:
        yield client


@pytest.mark.oracle
@pytest.mark.parametrize(("kept", "slots"), [(10, 5), (50, 10), (130, 20), (400, 50)])
def test_the_recall_table_equals_a_count_by_hand(world, kept, slots):
    requests, positives = held_out_requests(world.engine)
    retrieved, shown = [], []
    for n, request in enumerate(requests):
        scored = world.engine.feed.funnel.run(RequestBatch.of(request), patient=True).scored
        rows = sorted(range(len(scored)), key=lambda row: -scored[RETRIEVAL_SCORE][row])[:kept]
        page = sorted(rows, key=lambda row: -scored[RANK_SCORE][row])[:slots]
        liked = set(positives[n].tolist())
        retrieved.append(sum(int(scored.item[row]) in liked for row in rows) / len(liked))
        shown.append(sum(int(scored.item[row]) in liked for row in page) / len(liked))
    expected = (sum(retrieved) / len(requests), sum(shown) / len(requests))
    assert recall_table(world.engine).at(kept, slots) == pytest.approx(expected, abs=1e-12)


def test_recall_of_the_page_never_exceeds_that_of_what_it_was_chosen_from(world):
    table = recall_table(world.engine)
    assert (table.shown <= table.retrieved[:, None] + 1e-12).all()
    assert (table.retrieved[1:] >= table.retrieved[:-1]).all()


def test_enough_is_the_first_that_reaches_the_share(world):
    table = recall_table(world.engine)
    enough = table.enough(10)
    best = table.shown[:, 9].max()
    assert table.at(enough, 10)[1] >= 0.95 * best
    assert all(table.at(int(kept), 10)[1] < 0.95 * best for kept in table.kept if kept < enough)


@pytest.mark.parametrize("name", sorted(WIDGETS))
def test_every_state_of_a_static_copy_renders(world, name):
    widget = WIDGETS[name]
    states = list(widget.states())
    assert 1 < len(states) <= 200
    for state in states:
        view = widget.view(world.engine, state)
        assert "nan" not in view.html().lower()
        assert view.right_guess() in widget.guess.options


def test_a_state_reads_back_from_an_address():
    widget = WIDGETS["kept"]
    state = widget.read({"kept.n": "250", "kept.slots": "20", "kept.guess": "50", "other": "1"})
    assert (state["n"], state["slots"], state.guess) == (250, 20, "50")
    assert widget.read({}).values == {"n": 100, "slots": 10}


@pytest.mark.parametrize("text", ["", "5", "405", "1e2", "-10", "101", "\uff19\uff10", "1" * 5000])
def test_a_slider_refuses_what_it_cannot_stand_at(text):
    with pytest.raises(InvalidRequest, match="steps of 10"):
        Slider("n", "n", 10, 400, 10, 100, ()).read(text)


def test_a_release_without_held_out_requests_says_so_and_the_lesson_still_reads(tmp_path):
    world = World(tmp_path).build()
    (tmp_path / "lessons" / "funnel_requests.parquet").unlink()
    with TestClient(application(Holder(world))) as client:
        answer = client.get("/lessons/01-the-funnel")
    assert answer.status_code == 200
    assert "This widget cannot run here" in answer.text
    assert "Where do the milliseconds" in answer.text


def test_lesson_one_is_whole(client):
    text = client.get(f"/lessons/{LESSONS[0].slug}").text
    assert text.count("<live-widget") == 2
    assert 4 <= text.count('class="prompt"') <= 6
    assert text.count("<math") > 15
    assert "\\" not in re.sub(r"<annotation.*?</annotation>", "", text)
    for path in sorted(set(re.findall(r'href="\.\./code/([^"#]+)', text))):
        assert client.get(f"/code/{path}").status_code == 200
    anchors = set(re.findall(r'href="#([^"]+)"', text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', text))


def test_the_p99_of_few_runs_is_their_slowest():
    assert p99_of([1.0] * 20 + [9.0]) == 9.0
    assert p99_of([1.0] * 199 + [9.0]) == 1.0


def test_stage_times_are_of_each_stage_alone():
    def trace(took):
        span = Span(stage="score", name="ranker", start_ms=0, took_ms=took, budget_ms=5, n_in=1, n_out=1)
        return Trace(funnel="feed", request_id="r", deadline_ms=50, took_ms=took + 1, spans=(span,))

    traces = [trace(took) for took in (1.0, 2.0, 6.0)]
    (times,) = stage_times(traces)
    assert (times.p50, times.p99) == (2.0, 6.0)
    view = BudgetView(traces[-1], (2.0, 3.0, 7.0), 5, (times,))
    assert (view.p50, view.p99, view.late) == (3.0, 7.0, pytest.approx(1 / 3))


def test_work_is_done_once_an_engine():
    made = []
    once = OncePerEngine(lambda engine: made.append(engine) or len(made))
    first, second = SimpleNamespace(), SimpleNamespace()
    assert [once(first), once(first), once(second), once(first)] == [1, 1, 2, 3]
