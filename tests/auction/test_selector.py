"""The auction as a stage: one ad a campaign, many requests at once, deterministic."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.quality import QualityScorer, quality_weight
from shortlist.auction.reserve import ReserveHydrator
from shortlist.auction.selector import AuctionSelector
from shortlist.core.candidates import Candidates
from shortlist.core.columns import (
    AUCTION_SCORE,
    BID,
    CAMPAIGN,
    CREATIVE,
    KEYWORD,
    P_CLICK_1,
    PRICE,
    QUALITY,
    RESERVE,
    SELECTION_PROPENSITY,
    SLOT,
    SLOT_EFFECT,
)
from shortlist.core.errors import ShortlistError
from shortlist.core.request import Request, RequestBatch

EFFECTS = [1.0, 0.6, 0.3]


def batch_of(*slots):
    return RequestBatch.of(*(Request(f"r{n}", k=1, at_us=0, sponsored_slots=s) for n, s in enumerate(slots)))


def ads(offsets, campaign, bid, quality, *, keyword=None, creative=None, reserve=0):
    n = len(campaign)
    return Candidates.found("keywords", np.array(offsets), np.arange(n) + 100, np.zeros(n)).with_columns(
        {
            CAMPAIGN: np.array(campaign),
            CREATIVE: np.array(creative or [1] * n),
            KEYWORD: np.array(keyword or list(range(n))),
            BID: np.array(bid),
            RESERVE: np.full(n, reserve),
            QUALITY: np.array(quality),
        }
    )


def select(batch, candidates):
    return AuctionSelector(GeneralizedSecondPrice(), EFFECTS).select(batch, candidates)


def test_a_campaign_has_one_ad_and_does_not_set_its_own_price():
    candidates = ads([0, 3], campaign=[7, 7, 8], bid=[100, 90, 50], quality=[0.1, 0.1, 0.1])
    shown = select(batch_of(2), candidates)
    assert shown[CAMPAIGN].tolist() == [7, 8]
    assert shown[BID].tolist() == [100, 50]
    assert shown[PRICE].tolist() == [50, 0]


def test_the_better_keyword_of_a_campaign_is_the_one_with_the_higher_score_not_the_higher_bid():
    candidates = ads([0, 2], campaign=[7, 7], bid=[100, 60], quality=[0.1, 0.2])
    shown = select(batch_of(1), candidates)
    assert shown[BID].tolist() == [60]
    assert shown[AUCTION_SCORE].tolist() == [12.0]


def test_a_keyword_below_the_reserve_does_not_stand_for_its_campaign():
    candidates = ads([0, 2], campaign=[7, 7], bid=[40, 60], quality=[0.9, 0.1], reserve=50)
    shown = select(batch_of(1), candidates)
    assert shown[BID].tolist() == [60]
    assert shown[PRICE].tolist() == [50]


def test_what_a_slot_holds():
    candidates = ads([0, 2], campaign=[1, 2], bid=[10, 30], quality=[0.5, 0.5])
    shown = select(batch_of(3), candidates)
    assert shown[SLOT].tolist() == [1, 2]
    assert shown[SLOT_EFFECT].tolist() == [1.0, 0.6]
    assert shown[AUCTION_SCORE].tolist() == [15.0, 5.0]
    assert shown[SELECTION_PROPENSITY].tolist() == [1.0, 1.0]
    assert shown.item.tolist() == [101, 100]


def test_many_requests_are_as_many_single_ones():
    rng = np.random.default_rng(1)
    counts = [0, 5, 1, 9, 3]
    offsets = np.cumsum([0, *counts])
    n = int(offsets[-1])
    candidates = ads(offsets, rng.integers(1, 5, n), rng.integers(1, 200, n), rng.uniform(0.01, 0.2, n), reserve=20)
    slots = [2, 3, 0, 1, 9]
    together = select(batch_of(*slots), candidates)
    for number, wanted in enumerate(slots):
        alone = select(
            batch_of(wanted),
            candidates.arrange(np.arange(n)[candidates.rows_of(number)], np.array([0, counts[number]])),
        )
        part = together.rows_of(number)
        assert together.key[part].tolist() == alone.key.tolist()
        assert together[PRICE][part].tolist() == alone[PRICE].tolist()
        assert len(alone) <= min(wanted, len(EFFECTS))


def test_the_order_of_the_rows_does_not_matter_even_among_equals():
    candidates = ads([0, 4], campaign=[4, 3, 2, 1], bid=[9, 9, 9, 9], quality=[0.1] * 4)
    turned = candidates.arrange(np.array([2, 0, 3, 1]), np.array([0, 4]))
    assert select(batch_of(3), candidates)[CAMPAIGN].tolist() == [1, 2, 3]
    assert select(batch_of(3), turned)[CAMPAIGN].tolist() == [1, 2, 3]


def test_without_ads_the_page_has_none():
    shown = select(batch_of(3), ads([0, 0], [], [], []))
    assert len(shown) == 0
    assert shown[PRICE].dtype == np.int64


def test_squashing_moves_from_quality_to_bid_alone():
    p = np.array([0.1, 0.02])
    np.testing.assert_allclose(quality_weight(p, squashing=1.0, reference=0.05), p)
    np.testing.assert_allclose(quality_weight(p, squashing=0.0, reference=0.05), [0.05, 0.05])
    np.testing.assert_allclose(quality_weight(p, squashing=0.5, reference=0.05), np.sqrt(0.05 * p))


def test_quality_and_reserve_are_stages():
    candidates = Candidates.found("keywords", np.array([0, 2]), np.array([1, 2]), np.zeros(2)).with_columns(
        {P_CLICK_1: np.array([0.1, 0.4])}
    )
    batch = batch_of(1)
    assert QualityScorer(squashing=1.0, reference=0.1).score(batch, candidates)[QUALITY].tolist() == [0.1, 0.4]
    assert ReserveHydrator(7).hydrate(batch, candidates)[RESERVE].tolist() == [7, 7]


@pytest.mark.parametrize(
    "make",
    [
        lambda: QualityScorer(squashing=1.5, reference=0.1),
        lambda: QualityScorer(squashing=0.5, reference=0.0),
        lambda: ReserveHydrator(-1),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ShortlistError):
        make()
