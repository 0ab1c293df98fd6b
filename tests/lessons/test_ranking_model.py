"""Lesson 4: its sheets are the engine's doing, its planted worlds are what they say, and its statistics do not leak."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from tests.lessons.recomputed.the_ranking_model import gap_interval
from tests.pages.world import Ranker, World

from shortlist.core.errors import NotFound
from shortlist.evaluation.metrics.auc import auc
from shortlist.funnel.why_score import why_score
from shortlist.lessons.lesson import WIDGETS
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.ranking_model.crossover import CrossoverSheet, CrossoverView, Measured
from shortlist.lessons.ranking_model.depth import LAYERS, ORDERS
from shortlist.lessons.ranking_model.parts import group_of, pair_of
from shortlist.lessons.views import Series
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.logistic_regression_model import LogisticRegression
from shortlist.simulation.parity import Parity
from shortlist.simulation.two_ids import TwoIds
from shortlist.training.evaluate import HISTORY_FILE
from shortlist.workbook.ranking_model import beside, crossovers, depths
from shortlist.workbook.ranking_model.log_rows import log_rows
from shortlist.workbook.ranking_model.trained import Net


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def engine(prepared):
    return prepared.engine


def view(engine, name, **values):
    widget = WIDGETS[name]
    return widget.view(engine, widget.read({f"{name}.{key}": str(value) for key, value in values.items()}))


@pytest.mark.statistical
def test_an_interaction_is_seen_from_its_order_less_one_layers_on_and_not_before(engine):
    """Below, the AUC is that of a blind guess: 4.5 of its standard errors, a false alarm in 10,000 runs of 9 depths."""
    sheet = view(engine, "depth").sheet
    blind = 4.5 * math.sqrt(1 / (3 * sheet.judged))
    for place, order in enumerate(ORDERS):
        assert sheet.enough(place) == order - 1
        for layers in LAYERS:
            found = sheet.cross[place][layers]
            assert found == pytest.approx(0.5, abs=blind) if layers < order - 1 else found > sheet.truth[place] - 0.05


def test_layers_that_do_not_cross_find_nothing(engine, monkeypatch):
    monkeypatch.setattr(DCNv2, "_layers_before_last", lambda self: [])
    monkeypatch.setattr(depths, "ORDERS", (3,))
    monkeypatch.setattr(depths, "LAYERS", (2,))
    assert view(engine, "depth").sheet.cross[1][2] > 0.75
    assert depths.make_depths(engine, 0, quiet).cross[0][0] < 0.55


def test_a_crossover_is_the_trained_models(engine, monkeypatch):
    before = view(engine, "crossover", ids=1, size=0)
    low, high = (end[0] for end in before.band(1)[1:])
    assert (low, high) == pytest.approx(gap_interval(engine, 1, 0))
    monkeypatch.setattr(crossovers, "NET", Net(LogisticRegression, width=1))
    after = crossovers.make_crossovers(engine, 0, quiet)
    assert [m.trees for m in after.measured[1]] == [m.trees for m in before.sheet.measured[1]]
    assert [m.net for m in after.measured[1]] != [m.net for m in before.sheet.measured[1]]


def crossing_of(*difference):
    trees = (0.6, 0.6, 0.6)
    measured = tuple(Measured(net=tuple(0.6 + d + e for e in (-0.01, 0, 0.01)), trees=trees) for d in difference)
    sheet = CrossoverSheet(
        release="r", seed=0, judged=1, rows_an_id=(16, 32, 64, 128), truth=(0.9,), measured=(measured,)
    )
    return CrossoverView(sheet, 0, 0).crossing(0)


def test_a_crossing_lies_between_sure_defeat_and_sure_victory():
    half = 4.302653 * 0.01 / math.sqrt(3)
    found = crossing_of(-0.06, -0.02, 0.02, 0.06)
    assert found.at == pytest.approx(32 * 2**0.5)
    assert half < 0.04
    assert found.low == pytest.approx(16 * 2 ** ((0.06 - half) / 0.04))
    assert found.high == pytest.approx(64 * 2 ** ((half - 0.02) / 0.04))
    assert crossing_of(0.1, 0.1, 0.1, 0.1).at == crossing_of(0.1, 0.1, 0.1, 0.1).high == 0.0
    assert math.isinf(crossing_of(-0.1, -0.1, -0.1, -0.1).at)
    assert crossing_of(-0.02, 0.02, 0.1, -0.1).at == pytest.approx(16 * 2**0.5)
    assert math.isinf(crossing_of(-0.1, -0.1, -0.1, 0.001).high)


def test_models_are_those_of_the_engine(engine, monkeypatch):
    before = view(engine, "models", model=0, features=1)
    monkeypatch.setattr(beside, "MODELS", ("LR",))
    assert beside.make_models(engine, 0, quiet).models["LR"]["numbers"].auc == before.now.auc
    monkeypatch.setattr(LogisticRegression, "forward", lambda self, *given: self.bias + 0.0 * given[-2][:, 0].float())
    blind = beside.make_models(engine, 0, quiet).models["LR"]["numbers"]
    assert blind.auc == 0.5
    assert before.now.auc != 0.5


def test_a_rate_has_not_seen_its_own_row_nor_a_later_one(tmp_path):
    engine = World(tmp_path).build().engine
    path = engine.release.folder / HISTORY_FILE
    rows = log_rows(engine)
    log = pl.read_parquet(path).sort(["at_us", "user", "item"])
    last = len(log) // 2
    flipped = log.with_columns(
        positive=pl.when(pl.int_range(pl.len()) >= last).then(~pl.col("positive")).otherwise("positive")
    )
    flipped.write_parquet(path)
    again = log_rows(engine)
    same = log["at_us"].to_numpy() <= log["at_us"][last]
    prior = [part.label.mean() for part in (rows, again)]
    assert prior[0] == pytest.approx(prior[1], abs=0.2)
    for name in ("request_dense", "candidate_dense"):
        counts = [part.inputs["numbers"][name][same][:, 1] for part in (rows, again)]
        assert np.array_equal(*counts)
    rates = [part.inputs["numbers"]["request_dense"][:, 0] for part in (rows, again)]
    met = np.expm1(rows.inputs["numbers"]["request_dense"][:, 1])
    liked = [rate * (met + 5.0) - 5.0 * mean for rate, mean in zip(rates, prior, strict=True)]
    assert liked[0][same] == pytest.approx(liked[1][same], abs=1e-3)
    assert not np.allclose(liked[0][~same], liked[1][~same], atol=1e-3)


def test_a_log_of_likes_alone_says_so(tmp_path):
    engine = World(tmp_path).build().engine
    path = engine.release.folder / HISTORY_FILE
    pl.read_parquet(path).filter(pl.col("positive")).write_parquet(path)
    with pytest.raises(NotFound, match="one kind of outcome"):
        log_rows(engine)
    path.unlink()
    with pytest.raises(NotFound, match="no log"):
        log_rows(engine)


def test_fewer_switches_than_the_order_say_nothing():
    x, logit, label = Parity(order=3).draw(40_000, rng=1)
    for told in (x[:, 0], x[:, 0] * x[:, 1], x[:, 1] * x[:, 2], x[:, 3]):
        assert auc(told, label) == pytest.approx(0.5, abs=0.015)
    assert auc(x[:, 0] * x[:, 1] * x[:, 2], label) == auc(logit, label) > 0.8


def test_clicks_come_with_the_log_odds_that_they_were_drawn_by():
    clicks = TwoIds(20, rng=0).draw(50_000, rng=1)
    p = 1 / (1 + np.exp(-clicks.logit))
    for part in np.array_split(np.argsort(p), 10):
        error = math.sqrt((p[part] * (1 - p[part])).mean() / len(part))
        assert clicks.label[part].mean() == pytest.approx(p[part].mean(), abs=4.5 * error)
    again = TwoIds(20, rng=0).draw(50_000, rng=2)
    assert not np.array_equal(again.ids, clicks.ids)


def test_the_parts_are_the_scorers_and_change_with_it(engine, monkeypatch):
    before = view(engine, "parts", request=2, place=3)
    assert sum(one.log_odds for one in before.found) == pytest.approx(before.difference)
    real = Ranker.contributions
    monkeypatch.setattr(Ranker, "contributions", lambda self, batch, pair: real(self, batch, pair)[::-1])
    assert view(engine, "parts", request=2, place=3).found == before.found[::-1]


def test_the_parts_are_what_the_trace_says(tmp_path):
    world = World(tmp_path).build()
    page = world.feed(user=4, k=5)
    trace = page.traces[0]
    scored = sorted(
        (row for row in trace.candidates if "p_like_raw" in row.values), key=lambda r: r.values["p_like_raw"]
    )
    story = why_score(world.feed_funnel, trace, page, scored[-1], world.catalogue)
    assert sum(part.log_odds for part in story.parts) == pytest.approx(story.difference)
    assert {group_of(part.feature) for part in story.parts} == {"sources", "person", "item"}


class Rows(list):
    def arrange(self, rows, offsets):
        return tuple(rows.tolist())


@pytest.mark.parametrize(
    ("place", "beside_", "expected"), [(1, 0, (0, 5)), (6, 0, (5, 4)), (1, 1, (0, 1)), (10, 1, (9, 8))]
)
def test_a_pair_is_never_one_candidate_twice(place, beside_, expected):
    chosen, places = pair_of(Rows(range(10)), place, beside=beside_)
    assert chosen == expected
    assert places == tuple(place + 1 for place in expected)


def test_a_straight_scale_can_begin_below_zero():
    line = Series("a", "one", ((4.0, -0.5), (8.0, 0.5)))
    drawn = log_chart("t", "x", [line], now=8, form="{:+.1f}".format, low=-0.5)
    assert ">-0.5<" in drawn
    assert ">+0.0<" in drawn
