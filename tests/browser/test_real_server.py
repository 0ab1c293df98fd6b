"""The pages of ``shortlist serve`` over a trained release: a process, its engine and Chromium, nothing stood in."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.browser.test_pages import ALL_BUT_CONTRAST, CONTRAST, check

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.core.settings import Settings
from shortlist.features.history import HistoryStore
from shortlist.funnel.engine import load_engine
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import SourcePool
from shortlist.lessons.the_funnel.held_out import MERGED, recalls
from shortlist.releases.active import active_release

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def state(tmp_path_factory, browser):
    from tests.browser.real import make_state

    return make_state(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def server(state):
    from tests.browser.real import served

    with served(state) as address:
        yield address


@pytest.fixture(scope="module")
def engine(state):
    import polars as pl

    release = active_release(state / "releases")
    market = open_market(state / "market.sqlite")
    after, pool, ledger = SideEffects([]), SourcePool(), Ledger(market)
    yield load_engine(
        release,
        history=HistoryStore(pl.read_parquet(release.folder / "history.parquet")),
        campaigns=CampaignStore(market),
        ledger=ledger,
        settings=Settings(),
        after=after,
        pool=pool,
    )
    pool.close()
    after.close()
    ledger.close()
    market.dispose()


@pytest.mark.parametrize(("width", "theme", "rules"), [(390, "dark", ALL_BUT_CONTRAST), (1200, "light", CONTRAST)])
def test_every_page_is_accessible_and_loads_nothing_from_elsewhere(open_page, server, width, theme, rules):
    """Of these pages, wide and dark passes all rules in the test of the pages' world; the API's is here alone."""
    page = open_page("/", width=width, theme=theme, origin=server)
    check(page, rules)
    page.goto(f"{server}/search?q=silent+garden")
    expect(page.get_by_text("Simulated campaigns, simulated clicks")).to_be_visible()
    check(page, rules)
    page.get_by_role("link", name="Open the trace").click()
    expect(page.get_by_role("heading", name=re.compile("sponsored funnel"))).to_be_visible()
    check(page, rules)
    for path in ("/trace", "/lessons", "/lessons/01-the-funnel"):
        page.goto(server + path)
        check(page, rules)
    page.goto(server + "/api")
    check(page)


def test_the_widget_shows_the_recall_of_the_release_that_serves(open_page, server, engine):
    page = open_page("/lessons/01-the-funnel", origin=server)
    widget = page.locator("#kept")
    widget.get_by_label("about 50").check()
    slider = widget.get_by_role("slider", name=re.compile("Candidates kept"))
    slider.focus()
    for _ in range(4):
        slider.press("ArrowLeft")
    found = recalls(engine)
    for label, filled_by in (("what is popular", "popular"), ("all sources, merged", MERGED)):
        widget.get_by_label("The list is filled by").select_option(label)
        retrieved, shown = found.of(filled_by).at(60, 10)
        expect(widget.locator('[data-figure="retrieved"]')).to_have_text(f"{retrieved:.1%}")
        expect(widget.locator('[data-figure="shown"]')).to_have_text(f"{shown:.1%}")


def test_a_click_changes_the_feed_of_the_one_who_clicked(open_page, server):
    page = open_page("/?user=2", origin=server)
    title = page.locator(".card h3").first.inner_text()
    page.get_by_role("button", name=f"Click {title}", exact=True).click()
    expect(page.locator(".head")).to_contain_text(f"Lately liked: {title}")
    expect(page.locator(".card h3").get_by_text(title, exact=True)).to_have_count(0)


def test_a_click_on_an_ad_comes_back_to_the_results(open_page, server):
    page = open_page("/search?q=silent+garden&user=2", origin=server)
    page.locator(".sponsored button").first.click()
    expect(page).to_have_url(re.compile(r"/search\?user=2&k=10&q=silent"))
    expect(page.get_by_text("Simulated campaigns, simulated clicks")).to_be_visible()
