"""The pages in Chromium: accessible, without sideways scroll, in both themes and both widths, and they react."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from shortlist.lessons.lesson import LESSONS

pytestmark = pytest.mark.browser

PATHS = (
    "/?user=3",
    "/search?q=harbour&user=3",
    "/trace",
    "/lessons",
    *(f"/lessons/{lesson.slug}" for lesson in LESSONS),
    "/code/core/page.py",
)


CONTRAST = {"runOnly": ["color-contrast"]}
ALL_BUT_CONTRAST = {"rules": {"color-contrast": {"enabled": False}}}


def check(page, options=None):
    """No finding of axe with all parts of the page unfolded, and no sideways scroll.

    Half of axe's time is contrast, which depends on the theme and hardly on the width, and the other rules the other
    way round: CONTRAST and ALL_BUT_CONTRAST are for who looks at a page a second time.
    """
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    findings = [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in Axe().run(page, options={"resultTypes": ["violations"]} | (options or {})).response["violations"]
        for node in rule["nodes"]
    ]
    assert findings == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_no_accessibility_finding_and_no_sideways_scroll(open_page, base):
    """Wide and dark; narrow, and light, are the real server's and the static copy's tests."""
    page = open_page(PATHS[0], width=1200, theme="dark")
    for path in PATHS:
        page.goto(base + path)
        check(page)
    page.goto(base + "/search?q=harbour&user=3")
    page.get_by_role("link", name="Open the trace").click()
    check(page)
    page.get_by_label(re.compile("Why this")).fill("Silent Garden")
    page.get_by_role("button", name="Explain").click()
    check(page)


def test_the_first_key_press_offers_to_skip_to_the_content(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_click_on_an_item_takes_it_off_the_feed(open_page, holder, javascript):
    page = open_page("/?user=5&k=8", javascript=javascript)
    title = page.locator(".card h3").first.inner_text()
    before = len(holder.clicks)
    page.get_by_role("button", name=f"Click {title}", exact=True).click()
    expect(page.locator(".head")).to_contain_text(title)
    expect(page.locator(".card h3").get_by_text(title, exact=True)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?user=5&k=8$"))
    assert len(holder.clicks) == before + 1


def test_a_new_visitor_begins_with_nothing_and_is_learned_about(open_page):
    page = open_page("/")
    page.get_by_role("link", name="New visitor").click()
    expect(page.locator(".head")).to_contain_text("Nothing is known about this visitor yet")
    title = page.locator(".card h3").first.inner_text()
    page.get_by_role("button", name=f"Click {title}", exact=True).click()
    expect(page.locator(".head")).to_contain_text(f"Lately liked: {title}")


def test_the_theme_that_a_reader_chose_stays(open_page):
    page = open_page(theme="light")
    toggle = page.get_by_role("button", name="Dark theme")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    toggle.click()
    page.goto(page.url.rsplit("/", 1)[0] + "/lessons")
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_a_page_is_small(open_page, base):
    page = open_page("/lessons/01-the-funnel")
    sizes = page.evaluate("performance.getEntriesByType('resource').map(r => [r.name, r.decodedBodySize])")
    assert sum(size for _, size in sizes) < 120_000
    assert len(sizes) <= 6
