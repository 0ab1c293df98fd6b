"""Who may bid, and why not."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.bidding.markets import campaign

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.eligibility import EligibilityFilter, reason_against
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.core.campaign import OpenHours
from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN
from shortlist.core.request import Request, RequestBatch


def at(*when, tz="Europe/Madrid"):
    return int(datetime(*when, tzinfo=ZoneInfo(tz)).timestamp()) * 1_000_000


MONDAY_NOON = at(2026, 1, 5, 12)


@pytest.fixture
def market(tmp_path):
    engine = open_market(tmp_path / "market.sqlite")
    ledger = Ledger(engine)
    yield CampaignStore(engine), ledger
    ledger.close()
    engine.dispose()


def rows(offsets, campaigns):
    n = len(campaigns)
    found = Candidates.found("keywords", np.array(offsets), np.arange(n), np.zeros(n))
    return found.with_columns({CAMPAIGN: np.array(campaigns)})


def test_every_reason_is_told_and_every_row_is_kept_or_dropped(market):
    store, ledger = market
    store.create_many(
        [
            campaign(1),
            campaign(2, paused=True),
            campaign(3, start_us=MONDAY_NOON + 1),
            campaign(4, end_us=MONDAY_NOON),
            campaign(5, schedule=(OpenHours(start_hour=13),)),
            campaign(6, daily_budget=10),
        ]
    )
    ledger.charge(store.get(6), impression="i", price=10, at_us=MONDAY_NOON)
    batch = RequestBatch.of(Request("r", k=1, at_us=MONDAY_NOON))
    candidates = rows([0, 9], [1, 2, 3, 4, 5, 6, 7, 1, 6])
    verdict = EligibilityFilter(store.book, ledger).filter(batch, candidates)
    assert candidates[CAMPAIGN][verdict.kept].tolist() == [1, 1]
    reasons = {dropped.reason: dropped.keys.tolist() for dropped in verdict.dropped}
    assert reasons == {
        "paused": [1],
        "not started": [2],
        "ended": [3],
        "outside its hours": [4],
        "budget spent": [5, 8],
        "campaign not in the book": [6],
    }


def test_each_request_is_judged_at_its_own_time(market):
    store, ledger = market
    store.create(campaign(1, start_us=MONDAY_NOON))
    batch = RequestBatch.of(
        Request("a", k=1, at_us=MONDAY_NOON - 1), Request("b", k=1, at_us=0), Request("c", k=1, at_us=MONDAY_NOON)
    )
    verdict = EligibilityFilter(store.book, ledger).filter(batch, rows([0, 1, 1, 3], [1, 1, 1]))
    assert verdict.kept.tolist() == [False, True, True]


def test_no_rows_are_no_trouble(market):
    store, ledger = market
    batch = RequestBatch.of(Request("a", k=1, at_us=0))
    assert EligibilityFilter(store.book, ledger).filter(batch, rows([0, 0], [])).dropped == ()


def test_a_pause_and_a_spent_budget_count_from_the_next_request(market):
    store, ledger = market
    store.create_many([campaign(1), campaign(2, daily_budget=5)])
    stage = EligibilityFilter(store.book, ledger)
    batch = RequestBatch.of(Request("a", k=1, at_us=MONDAY_NOON))
    assert stage.filter(batch, rows([0, 2], [1, 2])).kept.tolist() == [True, True]
    store.pause(1)
    ledger.charge(store.get(2), impression="i", price=9, at_us=MONDAY_NOON)
    assert stage.filter(batch, rows([0, 2], [1, 2])).kept.tolist() == [False, False]


@pytest.mark.parametrize(
    ("when", "tz", "open_"),
    [
        ((2026, 1, 5, 9, 0), "Europe/Madrid", True),
        ((2026, 1, 5, 8, 59), "Europe/Madrid", False),
        ((2026, 1, 5, 17, 0), "Europe/Madrid", False),
        ((2026, 1, 10, 12, 0), "Europe/Madrid", False),  # a Saturday
        ((2026, 1, 5, 9, 0), "America/New_York", True),  # 15:00 in Madrid
        ((2026, 1, 5, 12, 0), "America/New_York", False),  # 18:00 in Madrid
        ((2026, 3, 30, 9, 0), "Europe/Madrid", True),  # the Monday after the clocks went forward
        ((2026, 3, 30, 8, 59), "Europe/Madrid", False),
    ],
)
def test_hours_are_those_of_the_campaigns_own_wall_clock(when, tz, open_):
    office = campaign(1, schedule=(OpenHours(weekdays=(0, 1, 2, 3, 4), start_hour=9, end_hour=17),))
    assert (reason_against(office, at(*when, tz=tz)) is None) == open_
