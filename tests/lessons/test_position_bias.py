"""Lesson 7: its readers are the simulator's, its exact means are the estimators', and its sheets are the engine's doing."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from shortlist.evaluation.off_policy import estimators
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.lessons.interval_chart import Points, interval_chart
from shortlist.lessons.lesson import WIDGETS
from shortlist.lessons.position_bias import clip, methods, strength, swaps
from shortlist.lessons.position_bias.loop import LOOP_NAMES
from shortlist.lessons.position_bias.methods import METHODS, estimates
from shortlist.lessons.position_bias.readers import READERS
from shortlist.lessons.position_bias.small_page import ATTRACTION, PLACES, by_rank, exact, outcomes
from shortlist.lessons.views import Series
from shortlist.rehearsal import retraining
from shortlist.simulation.examination import Examination
from shortlist.training import uplift
from shortlist.workbook.position_bias import loops, promotions


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def engine(prepared):
    return prepared.engine


@pytest.fixture
def fresh():
    """Forgets what the widgets remember, before and after."""
    remembered = (strength._case, clip._case, swaps._world, outcomes)
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


def view(engine, name, **values):
    widget = WIDGETS[name]
    return widget.view(engine, widget.read({f"{name}.{key}": str(value) for key, value in values.items()}))


def simulated(reader, eta, places):
    """The simulator's reader of the same kind."""
    curve = np.arange(1, places + 1.0) ** -eta
    if reader == 0:
        return Examination.position_based(curve)
    if reader == 1:
        return Examination.trust_bias(curve, np.ones(places), 0.2 * eta / np.arange(1, places + 1))
    return Examination.dynamic(places, patience=1.0)


@pytest.mark.oracle
@pytest.mark.parametrize("eta", [0.0, 0.75, 2.0])
@pytest.mark.parametrize("reader", [0, 1, 2])
def test_people_click_as_the_simulators_do(reader, eta):
    page = outcomes(READERS[reader], eta, 0.2)
    clicks = np.zeros((len(page.lists), PLACES))
    np.add.at(clicks, page.of_list, page.given_list[:, None] * page.click)
    a = ATTRACTION[page.lists]
    assert clicks == pytest.approx(simulated(reader, eta, PLACES).expected_clicks(a, np.full_like(a, eta / 2)))
    assert page.chance.sum() == pytest.approx(1.0)


@pytest.mark.oracle
@pytest.mark.parametrize("reader", [0, 1])
def test_the_table_of_clicks_is_the_simulators(reader):
    n = swaps.PLACES
    table = READERS[reader].click_table(swaps.ATTRACTIONS, n, swaps.ETA)
    for item, a in enumerate(swaps.ATTRACTIONS):
        alone = np.full((1, n), a)
        expected = simulated(reader, swaps.ETA, n).expected_clicks(alone, np.zeros_like(alone))
        assert table[:, item] == pytest.approx(expected[0])


def lifts(**values):
    case = view(None, "strength", **values).case
    return case.true, {key: each.mean for key, each in case.exact.items()}


@pytest.mark.property
@pytest.mark.parametrize("challenger", [0, 1, 2])
@pytest.mark.parametrize("eta", [50, 200])
def test_each_estimator_is_right_where_its_assumption_holds_and_only_there(eta, challenger):
    looks, trusts, stops = (lifts(eta=eta, challenger=challenger, reader=reader) for reader in range(3))
    for true, said in (looks, trusts, stops):
        assert said["list"] == pytest.approx(true, abs=1e-9)
    for true, said in (looks, trusts):
        assert [said["ips"], said["dr"]] == pytest.approx([true, true], abs=1e-9)
    assert looks[1]["direct"] == pytest.approx(looks[0], abs=1e-4)
    true, said = stops
    assert abs(said["ips"] - true) > 0.01
    assert abs(said["direct"] - true) > 0.01


def test_with_wrong_propensities_dr_lives_on_its_model():
    true, said = lifts(logged=1)
    assert said["dr"] == pytest.approx(true, abs=1e-4)
    assert said["ips"] < 0.0 < true
    true, said = lifts(logged=1, reader=2)
    assert abs(said["dr"] - true) > 0.03
    log, _ = view(None, "strength", logged=1).log
    refused = {name: words for name, lift, words in log if lift == "abstains"}
    assert set(refused) == {METHODS[key] for key in ("ips", "dr", "list")}
    assert all("not those of this log" in words for words in refused.values())


def test_without_position_bias_naive_is_right_and_old_clicks_are_not():
    true, said = lifts(eta=0)
    assert said["naive"] == pytest.approx(true, abs=1e-9)
    assert said["top"] > true + 0.04
    true, said = lifts(eta=0, challenger=2)
    assert said["top"] < true - 0.4


def test_the_test_of_reading_finds_those_who_stop_and_no_others():
    z = [view(None, "strength", reader=reader).log[1] for reader in range(3)]
    assert [one.rejected for one in z] == [False, False, True]
    assert z[2].z < -10.0


@pytest.mark.statistical
def test_exact_means_and_errors_are_those_of_many_logs():
    """120 logs of 2,000 pages: means within 4.5 of their standard errors, spreads within 30%: one false alarm in 10,000."""
    page, logs, pages = outcomes(READERS[0], 1.0, 0.2), 120, 2_000
    score = by_rank(tuple(range(len(ATTRACTION))))
    target = ListPolicy.softmax(score, temperature=0.2, places=PLACES)
    rng = np.random.default_rng(5)
    drawn = [estimates(page, score, target, page.served, page.draw(pages, rng)) for _ in range(logs)]
    for key, each in estimates(page, score, target, page.served).items():
        if key in ("ips", "dr", "naive"):
            over_all = exact(each.target, page.chance)
            values = [one[key].target.value for one in drawn]
            assert np.mean(values) == pytest.approx(over_all.mean, abs=4.5 * over_all.error(pages) / math.sqrt(logs))
            assert np.std(values) == pytest.approx(over_all.error(pages), rel=0.3)


def test_figures_follow_the_estimators(fresh, monkeypatch):
    before = view(None, "strength").case.exact
    monkeypatch.setattr(methods, "ips", lambda w, r: estimators.ips(np.ones_like(w), r))
    strength._case.cache_clear()
    after = view(None, "strength").case.exact
    assert after["ips"].mean == pytest.approx(0.0)
    assert before["ips"].mean > 0.1
    assert after["dr"] == before["dr"]


def test_a_clip_follows_its_estimator(fresh, monkeypatch):
    assert view(None, "clip", power=0).clipped[0].bias < -0.5
    monkeypatch.setattr(clip, "clipped_ips", lambda w, r, *, clip: estimators.ips(w, r))
    clip._case.cache_clear()
    assert view(None, "clip", power=0).clipped[0].bias == pytest.approx(0.0, abs=1e-9)


def test_a_higher_clip_has_less_bias_and_no_less_variance():
    for temperature in range(3):
        risks = view(None, "clip", temperature=temperature).clipped
        assert all(a.bias <= b.bias + 1e-12 <= 1e-9 for a, b in pairwise(risks))
        assert all(a.deviation <= b.deviation + 1e-12 for a, b in pairwise(risks))


def test_a_log_that_misses_its_heavy_row_believes_itself():
    """What the lesson warns of: the rule sees the log's weights, not those that it might have had."""
    short, long = (view(None, "clip", temperature=2, pages=pages) for pages in (4, 5))
    assert 10_000 * short.case.effective_share() < 10.0
    assert 'data-figure="verdict">answers<' in short.html()
    assert 'data-figure="verdict">abstains<' in long.html()


@pytest.mark.statistical
def test_swaps_scatter_as_they_are_said_to():
    """200 days of 4,096 swaps: mean within 4.5 standard errors, spread within 25%: a false alarm in 10,000 runs."""
    world = view(None, "swaps", reader=1).world
    lists = 4_096
    rng, place = np.random.default_rng(1), swaps.PLACES - 1
    ratio, error = world.spread(place, lists / place)
    found = []
    for _ in range(200):
        partner = rng.integers(1, swaps.PLACES, lists)
        coin = rng.random(lists) < 0.5
        first = rng.random(lists) < world.click[0, np.where(coin, partner, 0)]
        low = rng.random(lists) < world.click[partner, np.where(coin, 0, partner)]
        found.append(swaps.curve_from_swaps(partner, first, low, places=swaps.PLACES).examination[place])
    assert np.mean(found) == pytest.approx(ratio, abs=4.5 * error / math.sqrt(200) + 0.1 * error)
    assert np.std(found) == pytest.approx(error, rel=0.25)
    assert ratio < 0.7 * world.true[place]


def test_the_curve_is_the_engines(fresh, monkeypatch):
    before = view(None, "swaps", power=12).curve.examination
    real = swaps.curve_from_swaps
    monkeypatch.setattr(
        swaps, "curve_from_swaps", lambda partner, first, low, places: real(partner, low, first, places=places)
    )
    after = view(None, "swaps", power=12).curve.examination
    assert after[2] == pytest.approx(1.0 / before[2])


def test_a_loop_is_the_rehearsals(engine, monkeypatch):
    assert tuple(one.name for one in retraining.LOOPS) == LOOP_NAMES
    before = view(engine, "loop").sheet
    assert before.worlds == loops.WORLDS
    monkeypatch.setattr(loops, "WORLDS", 1)

    def all_alike(log, *, contexts, candidates, weigh_places):
        return np.full((contexts, candidates), 0.1)

    monkeypatch.setattr(retraining, "click_rates", all_alike)
    after = loops.make_loops(engine, 0, quiet)
    assert after.loops[0].first_items[0][0] == before.loops[0].first_items[0][0]
    assert after.loops[0].worth[0][1:] == pytest.approx([0.0] * 5, abs=1e-9)


def test_a_ranking_by_effect_is_the_learners(engine, monkeypatch):
    before = view(engine, "whom").sheet
    by = uplift.METHODS.index("DR-learner")
    assert before.rankings[by].gain[2] > 2 * before.rankings[0].gain[2]
    real = uplift.dr_learner

    def backwards(*given, **named):
        effect = real(*given, **named)
        return lambda x: -effect(x)

    monkeypatch.setattr(uplift, "dr_learner", backwards)
    after = promotions.make_whom(engine, 0, quiet)
    assert after.rankings[by].gain[2] < 0.0
    assert after.rankings[0] == before.rankings[0]


def test_intervals_beyond_the_axis_are_drawn_to_its_end():
    line = Series("truth", "faint", ((1.0, 1.0), (2.0, 0.5)))
    found = Points("found", "one", ((2.0, -0.4, 3.0, 6.4),))
    drawn = interval_chart("t", "place", found, [line], high=1.2)
    assert "found: 3.00 at 2, between -0.40 and 6.40" in drawn
    assert 'class="dot one"' not in drawn.split("axis")[-1]
