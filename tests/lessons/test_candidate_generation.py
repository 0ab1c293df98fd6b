"""Lesson 2: what sets of sources find, what is taken out of a log, and that the engine's own parts drive all of it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.lessons.prepared import prepared_world

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.errors import NotFound
from shortlist.core.request import RequestBatch
from shortlist.evaluation.metrics.recall import recall
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.candidate_generation import found as found_module
from shortlist.lessons.candidate_generation.factors import FACTORS, REGULARIZATIONS
from shortlist.lessons.candidate_generation.found import MOST, ORDERS, SOURCES, combined, found, ordered, retrieved
from shortlist.lessons.candidate_generation.new_item import CUTS, LIKES, NewItemSheet
from shortlist.lessons.lesson import WIDGETS
from shortlist.lessons.sheets import write_sheet
from shortlist.lessons.the_funnel.held_out import held_out_requests
from shortlist.lessons.views import Panel, Series, chart
from shortlist.retrieval.two_tower import TwoTowerSource
from shortlist.workbook import factorizations, new_items

ALL = (1 << len(SOURCES)) - 1


@pytest.fixture(scope="module")
def engine(prepared):
    return prepared.engine


@pytest.fixture(scope="module")
def sets(engine):
    return found(engine)


@pytest.fixture(scope="module")
def taken(engine):
    log = pl.read_parquet(engine.release.folder / "history.parquet")
    return log, new_items.take_out(log, engine.catalogue, seed=0)


def view(engine, name, **values):
    widget = WIDGETS[name]
    return widget.view(engine, widget.read({f"{name}.{key}": str(value) for key, value in values.items()}))


@pytest.mark.oracle
@pytest.mark.parametrize("order", range(len(ORDERS)))
@pytest.mark.parametrize("on", [0b0001, 0b1010, ALL])
def test_recall_of_a_set_is_the_metrics(engine, sets, on, order):
    requests, positives = held_out_requests(engine)
    batch, lists = retrieved(engine.feed.funnel, RequestBatch.of(*requests))
    merged = combined(engine.feed.funnel, batch, [lists[bit] for bit in lists if on >> bit & 1])
    rows = ordered(merged, order)
    hit = positives.contains(rows.request_index, rows.item)
    place = -np.arange(len(rows), dtype=np.float64)
    for k in (10, 50, 200):
        each = recall(place, hit, rows.item, rows.request_offsets, n_relevant=positives.lengths, k=k)
        assert sets.recall(on, order, k) == pytest.approx(np.mean(each), abs=1e-12)


def test_more_candidates_never_lose_and_no_source_finds_nothing(sets):
    for on in range(1, ALL + 1):
        for order in range(len(ORDERS)):
            curve = [sets.recall(on, order, k) for k in range(0, MOST + 1, 10)]
            assert curve[0] == 0.0
            assert np.all(np.diff(curve) >= 0)
    assert sets.recall(0, 0, MOST) == sets.size(0) == 0.0


def test_unique_recall_is_what_is_lost(sets):
    for bit in range(len(SOURCES)):
        lost = sets.recall(ALL, 1, 100) - sets.recall(ALL & ~(1 << bit), 1, 100)
        assert sets.unique(ALL, bit, 1, 100) == pytest.approx(lost)
        assert sets.unique(ALL & ~(1 << bit), bit, 1, 100) == pytest.approx(lost)  # on or off, it is the same question


def test_a_release_without_a_source_is_asked_for_the_others(engine):
    funnel = engine.feed.funnel
    fewer = replace(funnel, sources=tuple(s for s in funnel.sources if s.component.name != "als"))
    batch, lists = retrieved(fewer, RequestBatch.of(*held_out_requests(engine)[0]))
    assert sorted(lists) == [0, 1, 3]
    assert RETRIEVAL_SCORE in combined(fewer, batch, list(lists.values()))


def test_another_fusion_shows_other_figures(engine, sets, monkeypatch):
    monkeypatch.setattr(found_module, "interleave", lambda candidates, _: -candidates[RETRIEVAL_SCORE])
    backwards = found(engine)
    assert backwards.recall(ALL, 2, 20) < sets.recall(ALL, 2, 20)
    assert backwards.recall(ALL, 0, 20) == sets.recall(ALL, 0, 20)


def test_the_view_speaks_of_the_source_that_is_missed_most(engine, sets):
    shown = view(engine, "sources", popular=0, n=50)
    most = max(range(len(SOURCES)), key=lambda bit: sets.unique(ALL, bit, 0, 50))
    assert shown.right_guess() == SOURCES[most]
    assert f'data-figure="recall">{sets.recall(ALL & ~1, 0, 50):.1%}<' in shown.html()


def test_a_new_item_keeps_its_first_likes_and_no_others(engine, taken):
    log, new = taken
    cut = log["at_us"].sort()[int(new_items.SHARE * len(log))]
    assert new.train["at_us"].max() < cut
    liked = log.filter(pl.col("positive") & (pl.col("at_us") < cut)).sort(["at_us", "user", "item"])
    for item, group in sorted(set(zip(new.item.tolist(), new.group.tolist(), strict=True))):
        kept = new.train.filter((pl.col("item") == item) & pl.col("positive")).sort(["at_us", "user"])
        assert kept["user"].to_list() == liked.filter(pl.col("item") == item)["user"].to_list()[: new.likes[group]]
    others = pl.col("item").is_in(np.unique(new.item).tolist())
    gone = len(log.filter((pl.col("at_us") < cut) & ~others)) - len(new.train.filter(~others))
    assert 0 <= gone <= len(log) * 0.3  # of items that were dealt to a group but liked by nobody later


def test_a_later_like_is_asked_for_with_what_was_known_then(taken):
    log, new = taken
    for n, request in enumerate(new.batch.requests):
        assert request.at_us > new.train["at_us"].max()
        assert new.item[n] not in new.batch.seen[n]
        before = log.filter((pl.col("user") == request.user) & (pl.col("at_us") < request.at_us))
        assert set(new.batch.seen[n].tolist()) == set(before["item"].to_list())


def test_towers_that_read_have_met_no_new_item(engine, taken, monkeypatch):
    _, new = taken
    towers = new_items.fitted(new, engine.catalogue, 0)["content"]()
    assert len(towers.item_vectors) == len(engine.catalogue)
    assert np.isin(np.unique(new.item), towers.retrieve(new.batch).item).any()
    monkeypatch.setattr(TwoTowerSource, "add", lambda self, catalogue: None)  # the control: nobody put them in
    alone = new_items.fitted(new, engine.catalogue, 0)["content"]()
    assert not np.isin(np.unique(new.item), alone.retrieve(new.batch).item).any()


def test_the_sheet_of_new_items_is_the_sources(engine, tmp_path, monkeypatch):
    world = prepared_world(tmp_path)
    before = view(world.engine, "newitem", likes=2, cut=4)
    monkeypatch.setattr(new_items, "fit_item_neighbours", lambda train, catalogue, *, limit: Nothing())
    write_sheet(world.engine, new_items.make_new_items(world.engine, 0, lambda *_: None))
    after = view(world.engine, "newitem", likes=2, cut=4)
    assert before.recall("item_neighbours", 2) > 0.0 == after.recall("item_neighbours", 2)
    assert before.recall("als", 2) == after.recall("als", 2)


class Nothing:
    """A source that finds the item 0 for everybody, which no request asks for."""

    def retrieve(self, batch):
        return Candidates.found("none", np.arange(len(batch) + 1), np.zeros(len(batch), np.int64), np.ones(len(batch)))


def test_more_likes_than_items_have_show_the_most(engine):
    most, beyond = view(engine, "newitem", likes=2), view(engine, "newitem", likes=len(LIKES) - 1)
    assert beyond == most
    assert f'data-figure="likes">{most.sheet.likes[-1]}<' in beyond.html()


def test_a_log_in_which_nobody_likes_has_no_new_items(engine, taken):
    log, _ = taken
    with pytest.raises(NotFound, match="too few items"):
        new_items.take_out(log.with_columns(positive=pl.lit(False)), engine.catalogue, seed=0)


def test_learning_catches_up_where_its_curve_crosses(engine):
    shown = view(engine, "newitem", cut=2)
    sheet: NewItemSheet = shown.sheet
    two = [tuple(0.1 * n for _ in CUTS) for n in range(len(sheet.likes))]
    measured = tuple(
        msgspec.structs.replace(each, recall={**each.recall, "two_tower": two[n], "content": (0.15,) * len(CUTS)})
        for n, each in enumerate(sheet.measured)
    )
    crossed = replace(shown, sheet=msgspec.structs.replace(sheet, measured=measured))
    assert (crossed.caught_up(), crossed.right_guess()) == (2, "2")
    never = replace(shown, sheet=msgspec.structs.replace(sheet, measured=(measured[0],) * len(sheet.likes)))
    assert (never.caught_up(), never.right_guess()) == (None, "more")


def test_a_factorization_knows_its_own_likes_better_and_restraint_makes_widths_alike(engine):
    shown = view(engine, "factors")
    for weight in range(3):
        for width in range(len(FACTORS)):
            assert shown.learned(width, weight) > shown.held_out(width, weight)
    free = [shown.learned(width, 0) for width in range(len(FACTORS))]
    held = [shown.learned(width, len(REGULARIZATIONS) - 1) for width in range(len(FACTORS))]
    assert free[-1] == 1.0 > free[0] + 0.1  # as many factors as items to know by heart
    assert max(held) - min(held) < 0.02


def test_the_sheet_of_factors_is_the_engines_als(tmp_path, monkeypatch):
    world = prepared_world(tmp_path)
    before = view(world.engine, "factors")
    real = factorizations.als_item_factors
    monkeypatch.setattr(factorizations, "als_item_factors", lambda liked, **knobs: np.roll(real(liked, **knobs), 1, 0))
    write_sheet(world.engine, factorizations.make_factors(world.engine, 0, lambda *_: None))
    after = view(world.engine, "factors")
    assert after.learned(3, 1) < before.learned(3, 1)


def test_asking_again_and_asking_for_later_likes_differ_by_what_is_left_out(engine):
    batch = RequestBatch.of(held_out_requests(engine)[0][0])
    before = Ragged.from_lists([engine.catalogue.item[1:6]])
    log = pl.DataFrame(
        {"user": [1] * 5, "item": before[0], "at_us": range(5), "value": [5.0] * 5, "positive": [True] * 5}
    )
    source = factorizations.AlsSource(
        engine.catalogue,
        factorizations.als_item_factors(
            factorizations.liked_matrix(log, engine.catalogue),
            factors=2, confidence=10.0, regularization=0.1, iterations=5, seed=0,
        ),
        confidence=10.0, regularization=0.1,
    )  # fmt: skip
    again, later = factorizations.ask(source, batch, before, before)
    assert again == (1.0, 1.0)  # all that was learned is found first
    assert later == (0.0, 0.0)  # and what is left out never is


def test_bars_say_what_they_show_and_turn_left_below_zero():
    drawn = str(
        bars("Shares", ("a", "b"), (Bars("up", "one", (0.25, float("nan"))), Bars("down", "two", (-0.125, 0.5))))
    )
    assert 'aria-label="Shares. a: up 25.0%, down -12.5%; b: down 50.0%"' in drawn
    assert ">-12.5%<" in drawn
    assert drawn.count("<rect") == 2 + 3  # the legend's and three bars
    assert "nan" not in drawn


def test_a_chart_can_name_its_ticks():
    panel = Panel("Recall", "likes", (0.0, 2.0), (0.0, 1.0), ((0.0, "none"), (1.0, "ten"), (2.0, "many")))
    drawn = str(chart(panel, [Series("line", "one", ((0.0, 0.5), (2.0, 1.0)))], now=0.0, percent=True))
    assert ">ten<" in drawn
    assert "50.0% at none, 100.0% at many" in drawn
