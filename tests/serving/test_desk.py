"""The front desk and the live engine in this process: no click is lost or counted twice, whatever runs beside it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.testing import TestClient
from tests.serving.test_api import LAMPS
from tests.serving.tiny_server import SETTINGS, load_tiny, write_release

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import CHARGES, open_market
from shortlist.console.routes import console_router
from shortlist.core.campaign import Campaign
from shortlist.core.clock import ManualClock
from shortlist.core.errors import InvalidRequest
from shortlist.core.page import Page
from shortlist.core.request import RequestBatch
from shortlist.events.database import open_database
from shortlist.events.event_log import EventLog, Recorded
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import PageLog
from shortlist.events.read import read_events
from shortlist.events.tables import LOG
from shortlist.features.history import HistoryStore
from shortlist.funnel.engine import Engine
from shortlist.funnel.runner import Stage
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import SourcePool
from shortlist.releases.key import read_key
from shortlist.releases.release import Release
from shortlist.serving.front_desk import FrontDesk
from shortlist.serving.live_engine import LiveEngine, warm_up
from shortlist.serving.pages_api import pages_router
from shortlist.serving.recent_pages import RecentPages
from shortlist.serving.schemas import SentEvent

NOW_US = 1_764_000_000_000_000
VISITOR = 700
LONG = 10.0
"""Seconds that nothing here takes; only a failure waits so long."""


class Gated(PageLog):
    """A page log that waits to be let go."""

    def __init__(self, writer: GroupCommit) -> None:
        super().__init__(writer)
        self.open = threading.Event()
        self.open.set()

    def after(self, pages: list[Page]) -> None:
        assert self.open.wait(LONG)
        super().after(pages)


class Watched(EventLog):
    """An event log that calls back between its commit and its return."""

    committed: Callable[[], None] = staticmethod(lambda: None)

    def record(self, *args: object) -> Recorded:
        recorded = super().record(*args)
        self.committed()
        return recorded


@dataclass
class Counter:
    """A desk with all that it stands on."""

    desk: FrontDesk
    public: FrontDesk
    campaigns: CampaignStore
    market: sa.Engine
    live: LiveEngine
    database: sa.Engine
    pages: Gated
    events: Watched
    building: list[Callable[[], None]]

    def feed(self) -> Page:
        return self.desk.feed(self.live.engine, user=VISITOR, k=3)

    def history(self) -> list[int]:
        liked, _ = self.live.engine.history.before([VISITOR], [2 * NOW_US])
        return liked[0].tolist()


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    release = write_release(tmp_path / "releases", "r1")
    write_release(tmp_path / "releases", "r2")
    key = read_key(tmp_path)
    clock = ManualClock(NOW_US)
    database, market = open_database(tmp_path / "events.sqlite", LOG), open_market(tmp_path / "market.sqlite")
    writer, ledger, pool = GroupCommit(database), Ledger(market), SourcePool()
    pages, events, campaigns = Gated(writer), Watched(writer), CampaignStore(market)
    after = SideEffects([pages])
    building: list[Callable[[], None]] = []

    def build(release: Release, history: HistoryStore) -> Engine:
        for call in building:
            call()
        return load_tiny(
            release, history=history, campaigns=campaigns, ledger=ledger, settings=SETTINGS, after=after, pool=pool
        )

    live = LiveEngine(release, build, database, key, clock)
    across = partial(
        FrontDesk,
        live=live,
        events=events,
        database=database,
        ledger=ledger,
        campaigns=campaigns,
        after=after,
        recent=RecentPages(capacity=2),
        key=key,
        clock=clock,
    )
    yield Counter(across(local=True), across(local=False), campaigns, market, live, database, pages, events, building)
    pages.open.set()
    after.close()
    pool.close()
    ledger.close()
    writer.close()
    database.dispose()
    market.dispose()


def click(page: Page, event_id: str = "e1", slot: int = 1) -> SentEvent:
    item = page.items[slot - 1].item
    return SentEvent(event_id=event_id, kind="click", request_id=page.request_id, block="organic", slot=slot, item=item)


def test_a_thousand_clicks_on_one_slot_are_one_like_now_and_after_a_restart(counter: Counter) -> None:
    page = counter.feed()
    recorded = counter.desk.record([click(page, f"e{number}") for number in range(600)])
    counter.desk.record([click(page, f"f{number}") for number in range(400)])
    assert len(recorded.new) == 600
    assert counter.history() == [page.items[0].item]
    counter.desk.record([click(page, "other", slot=2)])
    assert counter.history() == [page.items[0].item, page.items[1].item]
    counter.live.activate("r2")
    assert sorted(counter.history()) == sorted(shown.item for shown in page.items[:2]), "as read from the log"


def test_an_event_makes_its_page_durable(counter: Counter) -> None:
    counter.pages.open.clear()
    page = counter.feed()
    counter.desk.record([click(page)])
    assert read_events(counter.database)["surface"].to_list() == ["feed"], "the page log stands still"


def test_an_unknown_page_waits_for_nobody_and_one_that_still_waits_is_known(counter: Counter) -> None:
    counter.pages.open.clear()
    page, *_ = [counter.feed() for _ in range(4)]  # more than are remembered
    with pytest.raises(InvalidRequest, match="no page 'nowhere'"):
        counter.desk.record(
            [SentEvent(event_id="x", kind="click", request_id="nowhere", block="organic", slot=1, item=1)]
        )
    counter.desk.record([click(page)])
    assert counter.history() == [page.items[0].item]


def test_a_click_while_the_next_release_loads_is_not_lost(counter: Counter) -> None:
    page = counter.feed()
    counter.building.append(lambda: counter.desk.record([click(page)]))
    counter.live.activate("r2")
    assert counter.live.engine.release.version == "r2"
    assert counter.history() == [page.items[0].item]


def test_a_click_in_flight_when_the_next_release_takes_over_counts_once(counter: Counter) -> None:
    page = counter.feed()
    loading, committed, swapped = threading.Event(), threading.Event(), threading.Event()

    def load_until_the_click_is_in_the_log() -> None:
        loading.set()
        assert committed.wait(LONG)

    def in_the_log_and_in_no_history_yet() -> None:
        committed.set()
        swapped.wait(1.0)  # an exchange that did not wait for this click would be through by then

    def activate() -> None:
        counter.live.activate("r2")
        swapped.set()

    counter.building.append(load_until_the_click_is_in_the_log)
    counter.events.committed = in_the_log_and_in_no_history_yet
    exchange = threading.Thread(target=activate)
    exchange.start()
    assert loading.wait(LONG)
    counter.desk.record([click(page)])
    exchange.join(LONG)
    assert counter.live.engine.release.version == "r2"
    assert counter.history() == [page.items[0].item]


def test_a_stream_of_clicks_cannot_put_an_exchange_off(counter: Counter) -> None:
    loading, entered, leave = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with counter.live.recording():
            entered.set()
            assert leave.wait(2 * LONG)

    def pass_through(through: threading.Event) -> None:
        with counter.live.recording():
            through.set()

    counter.building.append(loading.set)
    holder = threading.Thread(target=hold)
    exchange = threading.Thread(target=counter.live.activate, args=("r2",))
    holder.start()
    assert entered.wait(LONG)
    exchange.start()
    assert loading.wait(LONG)
    others: list[threading.Thread] = []
    through = threading.Event()
    for _ in range(100):  # the exchange stands behind the holder as soon as the release has loaded
        through = threading.Event()
        others.append(threading.Thread(target=pass_through, args=(through,)))
        others[-1].start()
        if not through.wait(0.2):
            break
        time.sleep(0.05)
    kept_out = not through.is_set()
    leave.set()
    for thread in (holder, exchange, *others):
        thread.join(LONG)
    assert kept_out, "while an exchange waits, nobody else begins to record"
    assert counter.live.engine.release.version == "r2"
    assert through.is_set(), "after it, everybody does"


@pytest.mark.parametrize("path", ["/v1/feed", "/v1/search", "/?user=1", "/search?q=lamp"])
def test_a_request_asks_for_the_engine_once_whatever_takes_over_meanwhile(counter: Counter, path: str) -> None:
    first = counter.live.engine
    turns = [first, counter.live.activate("r2")]

    class Turning:
        @property
        def engine(self) -> Engine:
            return turns.pop(0)

    live, after = Turning(), SideEffects([])
    with ThreadPoolExecutor(1) as workers:
        api = pages_router(desk=counter.desk, live=live, is_admin=lambda _: False, after=after, workers=workers)
        app = Litestar([api, console_router(lambda: live.engine, counter.desk)])
        with TestClient(app) as client:
            if path.startswith("/v1"):
                answer = client.post(path, json={"query": "lamp"} if path.endswith("search") else {"user": 1})
                assert answer.json()["release"] == "r1"
            else:
                answer = client.get(path)
            assert answer.status_code == 200
    after.close()
    assert [engine.release.version for engine in turns] == ["r2"]


def test_the_warm_up_is_of_now_so_that_a_history_is_met(counter: Counter) -> None:
    engine = counter.live.engine
    met: list[int] = []

    class Watch:
        name = "watch"

        def hydrate_query(self, batch: RequestBatch) -> RequestBatch:
            met.append(len(batch.history.values))
            return batch

    funnel = engine.feed.funnel
    watched = replace(funnel, query_hydrators=(*funnel.query_hydrators, Stage(Watch(), 5_000.0)))
    warm_up(replace(engine, feed=SimpleNamespace(funnel=watched)), NOW_US)
    assert met[0] == 0, "the visitor nobody knows"
    assert met[1] > 0


def test_the_operators_pages_tell_strangers_neither_who_nor_what(counter: Counter) -> None:
    page = counter.feed()
    assert counter.desk.recent(1) == (page,), "on the loopback address the visitor is the operator"
    (listed,) = counter.public.recent(1)
    assert (listed.user, listed.query, listed.request_id) == (None, "", page.request_id)
    assert counter.public.page(page.request_id).items == page.items


def test_only_what_is_unpaid_is_charged_at_the_start(counter: Counter) -> None:
    counter.campaigns.create(msgspec.convert(LAMPS, Campaign))
    page = counter.desk.search(counter.live.engine, query="lamp", user=1, k=2, sponsored_slots=1)
    (ad,) = page.ads
    counter.desk.click(request_id=page.request_id, slot=1, item=ad.item, sponsored=True)
    assert counter.desk.reconcile() == 0
    with counter.market.begin() as connection:
        connection.execute(sa.delete(CHARGES))
    assert counter.desk.reconcile() == 1
    assert counter.desk.reconcile() == 0
