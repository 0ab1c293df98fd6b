"""The generalized second price auction: invariants that hold whatever the bids are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.slots import checked_slot_effects
from shortlist.core.errors import ShortlistError

SETTINGS = settings(derandomize=True, max_examples=60)


@st.composite
def markets(draw, *, distinct=False):
    n = draw(st.integers(0, 9))
    bids = draw(st.lists(st.integers(1, 5_000_000), min_size=n, max_size=n, unique=distinct))
    weights = draw(st.lists(st.floats(1e-4, 1.0), min_size=n, max_size=n))
    reserves = draw(st.lists(st.integers(0, 1_000_000), min_size=n, max_size=n))
    k = draw(st.integers(1, 5))
    return (
        np.array(weights, dtype=np.float64),
        np.array(bids, dtype=np.int64),
        np.array(reserves, dtype=np.int64),
        0.7 ** np.arange(k),
    )


def run(market):
    weight, bid, reserve, effects = market
    return GeneralizedSecondPrice().run(weight=weight, bid=bid, reserve=reserve, slot_effects=effects)


@pytest.mark.property
@SETTINGS
@given(markets())
def test_nobody_pays_more_than_the_bid_or_less_than_the_reserve_or_wins_below_it(market):
    _, bid, reserve, effects = market
    outcome = run(market)
    assert outcome.price.dtype == np.int64
    assert (outcome.price <= bid[outcome.winner]).all()
    assert (outcome.price >= reserve[outcome.winner]).all()
    assert (bid[outcome.winner] >= reserve[outcome.winner]).all()
    assert len(outcome.winner) == min(len(effects), int((bid >= reserve).sum()))
    assert len(set(outcome.winner.tolist())) == len(outcome.winner)


@pytest.mark.property
@SETTINGS
@given(markets())
def test_winners_stand_by_score_and_no_loser_scores_higher(market):
    weight, bid, reserve, _ = market
    score = weight * bid
    outcome = run(market)
    shown = score[outcome.winner]
    assert (np.diff(shown) <= 0).all()
    losers = np.setdiff1d(np.flatnonzero(bid >= reserve), outcome.winner)
    if len(losers):
        assert score[losers].max() <= shown[-1]


@pytest.mark.property
@SETTINGS
@given(markets(distinct=True), st.randoms(use_true_random=False))
def test_permuting_the_bidders_permutes_the_outcome(market, random):
    weight, bid, reserve, effects = market
    order = list(range(len(bid)))
    random.shuffle(order)
    order = np.array(order, dtype=np.int64)
    score = weight * bid
    if len(np.unique(score)) < len(score):
        return  # equal scores go by order, which another test pins down
    plain = run(market)
    shuffled = run((weight[order], bid[order], reserve[order], effects))
    assert order[shuffled.winner].tolist() == plain.winner.tolist()
    assert shuffled.price.tolist() == plain.price.tolist()


@pytest.mark.property
@SETTINGS
@given(markets(), st.integers(2, 1000))
def test_a_smaller_unit_of_currency_scales_prices(market, factor):
    weight, bid, reserve, effects = market
    plain = run(market)
    scaled = run((weight, bid * factor, reserve * factor, effects))
    assert scaled.winner.tolist() == plain.winner.tolist()
    # A price rounds up to a micro, so the finer unit may save less than one of the coarser.
    assert (scaled.price <= plain.price * factor).all()
    assert (scaled.price > (plain.price - 1) * factor - 1).all()


@pytest.mark.property
@SETTINGS
@given(markets(), st.floats(0.1, 10.0))
def test_an_error_common_to_all_weights_changes_nothing(market, factor):
    weight, bid, reserve, effects = market
    plain = run(market)
    scaled = run((weight * factor, bid, reserve, effects))
    assert scaled.winner.tolist() == plain.winner.tolist()
    assert np.abs(scaled.price - plain.price).max(initial=0) <= 1


@pytest.mark.property
@SETTINGS
@given(markets())
def test_a_price_is_the_least_bid_that_keeps_the_place(market):
    weight, bid, reserve, _ = market
    score = weight * bid
    outcome = run(market)
    qualified = np.flatnonzero(bid >= reserve)
    for place, (winner, price) in enumerate(zip(outcome.winner, outcome.price, strict=True)):
        below = np.sort(score[qualified])[::-1][place + 1 : place + 2].max(initial=0.0)
        assert weight[winner] * price >= below * (1 - 1e-9) or price == bid[winner]
        assert price == reserve[winner] or weight[winner] * (price - 1) < below


def test_equal_scores_keep_their_order_every_time():
    market = (np.full(4, 0.1), np.full(4, 300_000), np.zeros(4, dtype=np.int64), np.array([1.0, 0.5]))
    for _ in range(3):
        outcome = run(market)
        assert outcome.winner.tolist() == [0, 1]
        assert outcome.price.tolist() == [300_000, 300_000]


def test_a_lone_bidder_pays_the_reserve():
    outcome = run((np.array([0.2]), np.array([900_000]), np.array([50_000]), np.array([1.0, 0.5, 0.2])))
    assert outcome.winner.tolist() == [0]
    assert outcome.price.tolist() == [50_000]


def test_the_last_of_fewer_bidders_than_slots_pays_the_reserve():
    outcome = run((np.ones(2), np.array([10, 6]), np.array([2, 3]), 0.9 ** np.arange(4)))
    assert outcome.winner.tolist() == [0, 1]
    assert outcome.price.tolist() == [6, 3]


def test_unequal_reserves_bind_where_they_exceed_the_next_score():
    weight, bid = np.array([0.5, 0.25, 0.5]), np.array([100, 100, 30])
    outcome = run((weight, bid, np.array([60, 80, 31]), np.array([1.0, 0.5])))
    # Ad 2 bids below its reserve. Ad 0 would pay .25 * 100 / .5 = 50, below its reserve of 60; ad 1 pays its own.
    assert outcome.winner.tolist() == [0, 1]
    assert outcome.price.tolist() == [60, 80]


def test_a_price_rounds_up_to_a_whole_micro():
    outcome = run((np.array([0.3, 0.1]), np.array([100, 100]), np.zeros(2, dtype=np.int64), np.array([1.0])))
    assert outcome.price.tolist() == [34]  # 10 / .3 = 33.3


def test_an_ad_that_nobody_would_click_does_not_take_part():
    outcome = run((np.array([0.0, np.nan, 0.1]), np.full(3, 100), np.zeros(3, dtype=np.int64), np.ones(1)))
    assert outcome.winner.tolist() == [2]
    assert outcome.price.tolist() == [0]


@pytest.mark.parametrize("effects", [[], [0.9], [1.0, 0.5, 0.6], [1.0, -0.1], [1.0, np.nan], [[1.0]]])
def test_slot_effects_that_rise_or_do_not_start_at_one_are_refused(effects):
    with pytest.raises(ShortlistError, match="slot effects"):
        checked_slot_effects(effects)
