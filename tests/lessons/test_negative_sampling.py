"""Lesson 6: its sheets are the engine's doing, its claims hold, and what is counted is counted."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
import torch
from tests.lessons.recomputed.negative_sampling import full_gradient
from tests.pages.world import World

from shortlist.core.errors import NotFound
from shortlist.learning.losses.sampled import sampled_softmax_loss
from shortlist.learning.negatives.frequency import CountedFrequency
from shortlist.learning.negatives.sampler import Negatives
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.lessons.negative_sampling.gradient import SIZES, GradientView
from shortlist.lessons.views import Series
from shortlist.training.evaluate import HISTORY_FILE
from shortlist.workbook.negative_sampling import batches, gradients, towers
from shortlist.workbook.negative_sampling.hard import make_hard
from shortlist.workbook.negative_sampling.likes import planted_likes, release_likes
from shortlist.workbook.negative_sampling.peak_bytes import peak_bytes
from shortlist.workbook.negative_sampling.skew import make_skew


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world")).build().engine


@pytest.fixture(scope="module")
def gradient_sheet(engine):
    return gradients.make_gradient(engine, 0, quiet)


def flat(self, row, places):
    """As if every item were as popular as any other, in the pages' planted world."""
    return np.full(len(row), (places + 1) / 300)


def test_what_corrected_and_uncorrected_differ_in_is_the_correction_alone(engine, monkeypatch):
    before = make_skew(engine, 0, quiet).worlds["planted"].lists
    assert before["in_batch-corrected"] != before["in_batch-uncorrected"]
    monkeypatch.setattr(CountedFrequency, "expected", flat)
    after = make_skew(engine, 0, quiet).worlds["planted"].lists
    assert after["in_batch-corrected"] == after["in_batch-uncorrected"] == after["in_batch-wrong_sign"]
    assert after["in_batch-uncorrected"].all == before["in_batch-uncorrected"].all


def test_hard_negatives_that_an_index_draws_at_random_are_no_longer_the_users_own(engine, monkeypatch):
    class Anywhere:
        def __init__(self, vectors):
            self.n = len(vectors)

        def search(self, queries, k):
            rng = np.random.default_rng(0)
            return np.zeros((len(queries), k)), rng.integers(1, self.n, size=(len(queries), k))

    before = make_hard(engine, 0, quiet).towers["corrected"]
    monkeypatch.setattr(towers, "nearest_rows", Anywhere)
    after = make_hard(engine, 0, quiet).towers["corrected"]
    assert after[0] == before[0], "no hard negatives, no index"
    assert after[-1].before < 0.5 * before[-1].before


@pytest.mark.statistical
@pytest.mark.parametrize("sampler", ["in_batch", "popularity", "mixed", "hard"])
def test_the_error_falls_where_it_is_corrected_and_nowhere_else(gradient_sheet, sampler):
    """Fixed seed; the oracle test of the samplers states the spread over seeds and its false alarms."""
    view = GradientView(gradient_sheet, sampler, SIZES[-1])
    assert 0.3 < view.law("corrected") < 0.7
    assert abs(view.law("uncorrected")) < 0.1
    assert view.right_guess() == "0"
    errors = [view.at(kind, SIZES[-1]).mean for kind in ("corrected", "uncorrected", "wrong_sign")]
    assert errors == sorted(errors)
    dearer = view.at("corrected", SIZES[0]).step > view.at("uncorrected", SIZES[0]).step
    assert dearer == (sampler != "hard"), (
        "the correction costs variance, but where draws follow the softmax it saves some"
    )


def test_the_full_gradient_is_the_closed_form():
    world = gradients.GradientWorld(3)
    for user in range(len(world.users)):
        assert world.full[user] == pytest.approx(full_gradient(world, user))


def test_chunks_hold_less_and_the_whole_matrix_several_times_itself(monkeypatch):
    size = 1_024
    whole, chunked = (batches.loss_bytes(size, 0, way) for way in ("whole", "chunked"))
    assert 4 * 4 * size**2 < whole < 5 * 4 * size**2
    assert chunked < whole / 5

    def unchunked(user, item, negative, log_expected, *, hits, temperature):
        own = (user * item).sum(dim=1) / temperature
        return sampled_softmax_loss(own, user @ negative.T / temperature, log_expected, hits=hits)

    monkeypatch.setattr(batches, "chunked_softmax_loss", unchunked)
    assert batches.loss_bytes(size, 0, "chunked") == whole


def test_both_ways_are_the_same_loss():
    whole, chunked = (work() for work in batches.softmax_work(300, 0).values())
    assert whole.item() == pytest.approx(chunked.item(), rel=1e-5)


def test_bytes_are_counted_while_they_are_held():
    def one_after_the_other():
        for _ in range(5):
            torch.ones(1_000)

    def at_once():
        return [torch.ones(1_000) for _ in range(5)]

    def views():
        return [torch.ones(1_000).view(10, 100)[:5]]

    assert peak_bytes(at_once) == 20_000
    assert peak_bytes(one_after_the_other) <= 8_000
    assert peak_bytes(views) == 4_000


def test_places_that_hold_nothing_stay_empty():
    drawn = Negatives(np.array([[3, 0]]), np.array([[0.5, np.inf]]), np.zeros(1))
    for correction in CORRECTIONS.values():
        assert np.isposinf(correction.apply(drawn, 10).log_expected[0, 1])


def test_what_is_looked_for_was_not_learned_from(engine):
    for likes in (release_likes(engine, 0), planted_likes(engine, 0)):
        users = len(likes.looked_for)
        assert likes.history.shape[0] == likes.left_out.shape[0] == users
        assert likes.left_out[:, 0].all()
        assert len(likes.examples.liked) % users == 0
    likes = release_likes(engine, 0)
    assert not np.take_along_axis(likes.left_out, likes.looked_for, axis=1).any()
    assert np.take_along_axis(likes.left_out, likes.history, axis=1).all()


def test_a_release_without_enough_likes_says_so(tmp_path):
    engine = World(tmp_path).build().engine
    path = engine.release.folder / HISTORY_FILE
    few = pl.read_parquet(path).group_by("user", maintain_order=True).head(7)
    few.write_parquet(path)
    with pytest.raises(NotFound, match="eight likes"):
        release_likes(engine, 0)
    path.unlink()
    with pytest.raises(NotFound, match="no histories"):
        release_likes(engine, 0)


def test_each_doubling_takes_the_same_width():
    line = Series("a", "one", ((4.0, 0.5), (8.0, 0.25), (16.0, 0.125), (32.0, 0.0)))
    drawing = log_chart("t", "x", [line], now=8, form="{:.2g}".format, log_y=True)
    points = re.search(r'polyline points="([^"]+)"', drawing).group(1).split()
    xs, ys = zip(*(map(float, point.split(",")) for point in points), strict=True)
    assert len(points) == 3, "zero has no logarithm"
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.02)
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.02)
    assert "a: 0.5 at 4, 0.12 at 16" in drawing
    straight = log_chart("t", "x", [line], now=8, form="{:.2g}".format)
    assert len(re.search(r'polyline points="([^"]+)"', straight).group(1).split()) == 4


def test_heights_that_are_all_alike_still_have_a_scale():
    drawing = log_chart("t", "x", [Series("a", "one", ((4.0, 2.0), (8.0, 2.0)))], now=4, form=str, log_y=True)
    assert "nan" not in drawing
