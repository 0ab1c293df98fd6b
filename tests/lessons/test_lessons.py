"""Lessons: every state of every widget renders, and the recall table equals a count by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from litestar.testing import TestClient
from tests.lessons.recomputed.the_funnel import by_hand
from tests.pages.serve import Holder, application
from tests.pages.world import World

from shortlist.core.columns import RANK_SCORE
from shortlist.core.errors import InvalidRequest, NotFound
from shortlist.core.trace import Span, Trace
from shortlist.funnel.runner import Stage
from shortlist.lessons.lesson import LESSONS, WIDGETS
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.the_funnel.budget import BudgetView, p99_of, stage_times
from shortlist.lessons.the_funnel.held_out import MERGED, held_out_requests, recalls
from shortlist.lessons.widget import Slider


@pytest.fixture(scope="module")
def client(prepared):
    with TestClient(application(Holder(prepared))) as client:
        yield client


@pytest.fixture(scope="module")
def found(prepared):
    return recalls(prepared.engine)


@pytest.mark.oracle
@pytest.mark.parametrize("filled_by", [MERGED, "popular", "two_tower"])
@pytest.mark.parametrize(("kept", "slots"), [(10, 5), (50, 10), (130, 20), (400, 50)])
def test_the_recall_tables_equal_a_count_by_hand(prepared, found, filled_by, kept, slots):
    table = found.of(filled_by)
    expected = by_hand(prepared.engine.feed.funnel, *held_out_requests(prepared.engine), filled_by, kept, slots)
    assert (*table.at(kept, slots), table.unranked[slots - 1]) == pytest.approx(tuple(expected), abs=1e-12)


class ReadsSources:
    """A scorer that believes whatever "two_tower" says, and knows nothing without it."""

    name = "reads sources"

    def score(self, batch, candidates):
        if "two_tower" not in candidates.source_names:
            return {RANK_SCORE: np.zeros(len(candidates))}
        rank = candidates.source_rank[:, candidates.source_names.index("two_tower")]
        return {RANK_SCORE: np.where(rank >= 0, -1.0 * rank, -1e6)}


def test_a_ranker_that_reads_one_source_loses_its_eyes_where_another_runs_alone(tmp_path):
    world = World(tmp_path)
    world.feed_product.funnel = replace(world.feed_funnel, scorers=(Stage(ReadsSources(), 10.0),))
    found = recalls(world.build().engine)
    informed, alone = found.of("popular"), found.of("popular", alone=True)
    assert alone.retrieved == pytest.approx(informed.retrieved)
    assert alone.at(200, 10)[1] == pytest.approx(alone.unranked[9])
    assert informed.at(200, 10)[1] > alone.at(200, 10)[1]
    assert found.of(MERGED, alone=True) is found.of(MERGED)


def test_a_source_that_the_release_lacks_is_named(found):
    with pytest.raises(NotFound, match="no source 'soothsayer'"):
        found.of("soothsayer")


def test_recall_of_the_page_never_exceeds_that_of_what_it_was_chosen_from(found):
    for table in (*found.informed.values(), *found.alone.values()):
        assert (table.shown <= table.retrieved[:, None] + 1e-12).all()
        assert (table.retrieved[1:] >= table.retrieved[:-1]).all()


def test_enough_is_the_first_that_reaches_the_share(found):
    table = found.of("popular")
    enough = table.enough(10)
    best = table.shown[:, 9].max()
    assert table.at(enough, 10)[1] >= 0.95 * best
    assert all(table.at(int(kept), 10)[1] < 0.95 * best for kept in table.kept if kept < enough)


def test_a_state_reads_back_from_an_address():
    widget = WIDGETS["kept"]
    state = widget.read({"kept.n": "250", "kept.slots": "20", "kept.guess": "50", "other": "1"})
    assert (state["n"], state["slots"], state.guess) == (250, 20, "50")
    assert widget.read({}).values == {"list": 0, "reads": 0, "n": 100, "slots": 10}


@pytest.mark.parametrize("text", ["", "5", "405", "1e2", "-10", "101", "\uff19\uff10", "1" * 5000])
def test_a_slider_refuses_what_it_cannot_stand_at(text):
    with pytest.raises(InvalidRequest, match="steps of 10"):
        Slider("n", "n", 10, 400, 10, 100, ()).read(text)


def test_a_release_without_held_out_requests_says_so_and_the_lesson_still_reads(tmp_path):
    world = World(tmp_path).build()
    (world.release.folder / "lessons" / "funnel_requests.parquet").unlink()
    with TestClient(application(Holder(world))) as client:
        answer = client.get("/lessons/01-the-funnel")
    assert answer.status_code == 200
    assert "This widget cannot run here" in answer.text
    assert "Where do the milliseconds" in answer.text


@pytest.mark.parametrize("name", ["%00", "core/errors.py%00", "../pyproject.toml", "core", "nothing.py"])
def test_only_source_files_of_the_package_are_shown(client, name):
    assert client.get(f"/code/{name}").status_code == 404


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
