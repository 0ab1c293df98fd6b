"""The ledger: never above the budget, never twice, never lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bidding.markets import campaign

from shortlist.bidding.ledger import Ledger, Spend
from shortlist.bidding.tables import CHARGES, MARKET, SPEND, open_market
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import InvalidRequest

NOON = 1_767_609_000_000_000


def at(*when, tz="Europe/Madrid"):
    return int(datetime(*when, tzinfo=ZoneInfo(tz)).timestamp()) * 1_000_000


@pytest.fixture
def market(tmp_path):
    engine = open_market(tmp_path / "market.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(market):
    ledger = Ledger(market)
    yield ledger
    ledger.close()


def test_a_charge_settles_what_is_left_and_gives_the_rest_away(ledger):
    c = campaign(daily_budget=500)
    first = ledger.charge(c, impression="a", price=300, at_us=NOON)
    second = ledger.charge(c, impression="b", price=300, at_us=NOON)
    third = ledger.charge(c, impression="c", price=300, at_us=NOON)
    assert [(x.settled, x.given_away) for x in (first, second, third)] == [(300, 0), (200, 100), (0, 300)]
    assert ledger.remaining([c], NOON).tolist() == [0]
    assert ledger.spent(c, NOON) == Spend(settled=500, given_away=400)


def test_two_reports_of_one_click_are_one_charge(ledger, market):
    c = campaign()
    first = ledger.charge(c, impression="a", price=300, at_us=NOON)
    again = ledger.charge(c, impression="a", price=999, at_us=NOON + 40 * HOUR_US)
    assert (again.price, again.settled, again.replayed) == (first.price, first.settled, True)
    assert ledger.spent(c, NOON).settled == 300
    assert ledger.remaining([c], NOON).tolist() == [999_700]
    with market.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(CHARGES)).scalar() == 1


def test_a_token_cannot_be_charged_to_somebody_else(ledger):
    ledger.charge(campaign(1), impression="a", price=300, at_us=NOON)
    with pytest.raises(InvalidRequest, match="was charged to campaign 1"):
        ledger.charge(campaign(2), impression="a", price=300, at_us=NOON)


@pytest.mark.parametrize(("price", "kind", "impression"), [(-1, "click", "a"), (1, "gift", "a"), (1, "click", "")])
def test_what_cannot_be_charged_is_refused(ledger, price, kind, impression):
    with pytest.raises(InvalidRequest):
        ledger.charge(campaign(), impression=impression, kind=kind, price=price, at_us=NOON)


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)], ids=["spring", "autumn", "plain"]
)
def test_the_budget_is_whole_again_at_the_local_midnight_whatever_the_length_of_the_day(ledger, day, hours):
    c = campaign(daily_budget=500)
    start = at(*day)
    ledger.charge(c, impression="first", price=500, at_us=start)
    assert ledger.remaining([c], start + hours * HOUR_US - 1).tolist() == [0]
    assert ledger.remaining([c], start + hours * HOUR_US).tolist() == [500]
    assert ledger.charge(c, impression="last", price=500, at_us=start + hours * HOUR_US - 1).settled == 0
    assert ledger.charge(c, impression="next", price=500, at_us=start + hours * HOUR_US).settled == 500


def test_zones_have_their_own_midnights(ledger):
    here, there = campaign(1, daily_budget=9), campaign(2, daily_budget=9, timezone="America/New_York")
    evening = at(2026, 6, 1, 23)
    for c in (here, there):
        ledger.charge(c, impression=f"i{c.campaign}", price=9, at_us=evening)
    assert ledger.remaining([here, there], evening + 2 * HOUR_US).tolist() == [9, 0]


def test_a_late_click_of_yesterday_is_paid_by_yesterday(ledger):
    c = campaign(daily_budget=500)
    today = at(2026, 6, 2, 12)
    ledger.charge(c, impression="now", price=100, at_us=today)
    ledger.charge(c, impression="late", price=450, at_us=at(2026, 6, 1, 12))
    assert ledger.remaining([c], today).tolist() == [400]
    assert ledger.spent(c, at(2026, 6, 1, 12)).settled == 450


def test_a_late_click_of_yesterday_leaves_the_day_in_memory_alone(market):
    """What is left of today comes from memory both before and after: the database is not asked again."""
    ledger = Ledger(market)
    c = campaign(daily_budget=500)
    today = at(2026, 6, 2, 12)
    ledger.charge(c, impression="now", price=100, at_us=today)
    ledger.charge(c, impression="late", price=450, at_us=at(2026, 6, 1, 12))
    asked = []
    sa.event.listen(market, "before_cursor_execute", lambda *a: asked.append(a[2]))
    assert ledger.remaining([c], today).tolist() == [400]
    assert not asked
    ledger.close()


def test_it_remembers_after_a_restart(tmp_path):
    c = campaign()
    for _ in range(2):
        engine = open_market(tmp_path / "market.sqlite")
        ledger = Ledger(engine)
        ledger.charge(c, impression="a", price=300, at_us=NOON)
        assert ledger.remaining([c], NOON).tolist() == [999_700]
        ledger.close()
        engine.dispose()


def test_a_charge_that_returned_survives_a_process_that_dies_at_once(tmp_path):
    """Killed without a chance to close anything; that a commit reaches the disk is what the next test is about."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from shortlist.bidding.ledger import Ledger\n"
        "from shortlist.bidding.tables import open_market\n"
        "from tests.bidding.markets import campaign\n"
        f"Ledger(open_market(Path(sys.argv[1]))).charge(campaign(), impression='a', price=300, at_us={NOON})\n"
        "os._exit(9)\n"
    )
    path = tmp_path / "market.sqlite"
    died = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert died.returncode == 9
    engine = open_market(path)
    ledger = Ledger(engine)
    assert ledger.spent(campaign(), NOON).settled == 300
    assert ledger.charge(campaign(), impression="a", price=300, at_us=NOON).replayed
    ledger.close()
    engine.dispose()


def test_every_commit_goes_to_the_disk(market):
    with market.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_many_writers_never_overspend(tmp_path):
    """Two ledgers on one file, as two processes would have, with four threads each and many replays."""
    c = campaign(daily_budget=1_000)
    engines = [open_market(tmp_path / "market.sqlite") for _ in range(2)]
    ledgers = [Ledger(engine) for engine in engines]

    def click(ledger, first):
        for n in range(first, 60, 2):
            ledger.charge(c, impression=f"i{n}", price=37, at_us=NOON)

    threads = [threading.Thread(target=click, args=(ledger, n % 2)) for ledger in ledgers for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledgers[0].spent(c, NOON) == Spend(settled=1_000, given_away=60 * 37 - 1_000)
    with engines[0].connect() as connection:
        total = connection.execute(sa.select(sa.func.sum(CHARGES.c.settled))).scalar()
        days = connection.execute(sa.select(sa.func.sum(SPEND.c.settled))).scalar()
    assert total == days == 1_000
    for ledger, engine in zip(ledgers, engines, strict=True):
        ledger.close()
        engine.dispose()


@pytest.mark.property
@settings(derandomize=True, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 400), st.integers(0, 60)), max_size=25),
    st.integers(1, 1_000),
)
def test_settled_never_exceeds_the_budget_and_everything_adds_up(tmp_path_factory, clicks, budget):
    engine = open_market(tmp_path_factory.mktemp("market") / "market.sqlite")
    ledger = Ledger(engine)
    c = campaign(daily_budget=budget)
    price_of = {}
    for impression, price, hour in clicks:
        charge = ledger.charge(c, impression=str(impression), price=price, at_us=NOON + hour * HOUR_US)
        assert charge.settled + charge.given_away == charge.price
        assert charge.replayed == (impression in price_of)
        assert charge.price == price_of.setdefault(impression, price)
    with engine.connect() as connection:
        days = connection.execute(sa.select(SPEND.c.settled, SPEND.c.given_away)).all()
        charged = connection.execute(sa.select(CHARGES.c.price, CHARGES.c.settled)).all()
    assert all(day.settled <= budget for day in days)
    assert sum(day.settled + day.given_away for day in days) == sum(price_of.values())
    assert sum(day.settled for day in days) == sum(charge.settled for charge in charged)
    ledger.close()
    engine.dispose()


def test_nothing_in_the_market_names_a_user():
    assert not [c for table in MARKET.tables.values() for c in table.columns if "user" in c.name]
