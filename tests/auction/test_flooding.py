"""One campaign with many keywords and creatives changes nobody else's place or price."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bidding.markets import campaign

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.selector import AuctionSelector
from shortlist.auction.turns import TurnsFilter
from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.eligibility import EligibilityFilter
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.core.campaign import Creative, Keyword
from shortlist.core.candidates import Candidates
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, PRICE, QUALITY, RESERVE
from shortlist.core.errors import ShortlistError
from shortlist.core.request import Request, RequestBatch
from shortlist.retrieval.keywords import KeywordSource

BATCH = RequestBatch.of(Request("r", k=1, at_us=1_767_609_000_000_000, query="drama", sponsored_slots=3))
SLOTS = np.array([1.0, 0.6, 0.4])
HONEST = [
    campaign(key, keywords=(Keyword(keyword=1, text="drama", match="exact", bid=bid),))
    for key, bid in ((1, 900_000), (2, 700_000), (3, 400_000), (4, 300_000))
]


def flood(key, *, paused=False, bid=5_000_000):
    """A campaign with as many rows as one may have."""
    keywords = tuple(
        Keyword(keyword=n, text="drama", match=match, bid=bid + n)
        for n, match in enumerate(("exact", "phrase", "broad") * 300)
    )
    creatives = tuple(Creative(creative=n, item=n) for n in range(100))
    return campaign(key, keywords=keywords, creatives=creatives, paused=paused)


def auction(tmp_path, campaigns, limit=2_000):
    """Winners as (campaign, price), and the reasons of the last filter."""
    market = open_market(tmp_path / "market.sqlite")
    ledger, store = Ledger(market), CampaignStore(market)
    store.create_many(campaigns)
    rows = KeywordSource(store.index).retrieve(BATCH)
    rows = rows.keep(EligibilityFilter(store.book, ledger).filter(BATCH, rows).kept)
    turns = TurnsFilter(limit).filter(BATCH, rows)
    assert sum(len(d.keys) for d in turns.dropped) == (~turns.kept).sum()
    rows = rows.keep(turns.kept)
    quality = np.where(rows[CAMPAIGN] == 9, 0.001, 0.1)  # the flood is of little interest to anybody
    rows = rows.with_columns({QUALITY: quality, RESERVE: np.full(len(rows), 50_000)})
    shown = AuctionSelector(GeneralizedSecondPrice(), SLOTS).select(BATCH, rows)
    ledger.close()
    market.dispose()
    return list(zip(shown[CAMPAIGN].tolist(), shown[PRICE].tolist(), strict=True)), turns.dropped


@pytest.mark.parametrize("limit", [2_000, 50])
@pytest.mark.parametrize("paused", [True, False])
def test_a_flood_of_low_quality_or_on_pause_leaves_winners_and_prices_alone(tmp_path, paused, limit):
    alone, _ = auction(tmp_path / "a", HONEST)
    flooded, dropped = auction(tmp_path / "b", [*HONEST, flood(9, paused=paused)], limit)
    assert flooded == alone == [(1, 700_000), (2, 400_000), (3, 300_000)]
    assert [d.reason.split(":")[0] for d in dropped] == (
        [f"more than {limit} ads may run"] if limit == 50 and not paused else []
    )


def test_a_flood_that_wins_wins_one_slot(tmp_path):
    won, _ = auction(tmp_path, [*HONEST, flood(8)])
    assert [key for key, _ in won] == [8, 1, 2]
    assert won[0][1] == 900_000


def test_campaigns_take_turns_their_highest_bids_first():
    rows = [(7, 1, 90), (7, 2, 80), (7, 3, 70), (5, 1, 10), (5, 2, 60), (3, 1, 20)]
    campaign_, creative, bid = (np.array(column) for column in zip(*rows, strict=True))
    columns = {CAMPAIGN: campaign_, CREATIVE: creative, KEYWORD: np.ones(6), BID: bid}
    found = Candidates.found("keywords", np.array([0, 6, 6]), np.zeros(6), np.zeros(6)).with_columns(columns)
    kept = {limit: found.key[TurnsFilter(limit).filter(BATCH, found).kept].tolist() for limit in (1, 2, 3, 4, 5, 6)}
    assert kept == {
        1: [0],
        2: [0, 4],
        3: [0, 4, 5],
        4: [0, 1, 4, 5],
        5: [0, 1, 3, 4, 5],
        6: [0, 1, 2, 3, 4, 5],
    }


def test_a_limit_of_none_is_refused():
    with pytest.raises(ShortlistError, match="a limit of 0"):
        TurnsFilter(0)
