"""The static copy of the lessons in Chromium, opened from the disk: the same element, the engine's figures."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.browser.test_pages import ALL_BUT_CONTRAST, CONTRAST, check
from tests.browser.test_widgets import KEPT, expected, figure, open_widget

from shortlist.lessons.the_funnel.held_out import MERGED

pytestmark = pytest.mark.browser

LESSON = "/lessons/01-the-funnel.html"


@pytest.fixture(scope="module")
def copy(course):
    return course.as_uri()


def test_a_slider_driven_by_keyboard_shows_the_engines_figures_for_the_nearest_state(open_page, copy, prepared):
    page = open_page("/index.html", origin=copy)
    page.get_by_role("link", name="1. The funnel").click()
    widget = open_widget(page)
    expect(figure(widget, "retrieved")).to_have_text(expected(prepared.engine, 100)[0])
    slider = widget.get_by_role("slider", name=KEPT)
    slider.focus()
    for presses, stands_at, nearest in ((3, "70", 50), (5, "20", 20)):
        for _ in range(presses):
            slider.press("ArrowLeft")
        expect(slider).to_have_value(stands_at)
        expect(figure(widget, "kept for the ranker")).to_have_text(str(nearest))
        retrieved, shown = expected(prepared.engine, nearest)
        expect(figure(widget, "retrieved")).to_have_text(retrieved)
        expect(figure(widget, "shown")).to_have_text(shown)
    widget.get_by_label("The list is filled by").select_option("all sources, merged")
    expect(figure(widget, "retrieved")).to_have_text(expected(prepared.engine, 20, filled_by=MERGED)[0])
    assert len({expected(prepared.engine, n) for n in (100, 50, 20)}) == 3


def test_a_guess_is_judged_and_a_permalink_restores_it(open_page, copy, prepared):
    page = open_page(LESSON, origin=copy)
    widget = page.locator("#kept")
    right = set()
    for option in widget.get_by_role("radio").all():
        option.check()
        expect(widget.locator(".verdict")).to_contain_text("You guessed")
        right.add("that is it" in widget.locator(".verdict").inner_text())
    assert right == {True, False}
    again = open_page(LESSON + "#kept.n=20&kept.guess=50", origin=copy)
    expect(figure(again.locator("#kept"), "retrieved")).to_have_text(expected(prepared.engine, 20)[0])
    expect(again.locator("#kept .verdict")).to_contain_text("You guessed about 50")


def test_the_copy_reads_without_javascript(open_page, copy, prepared):
    page = open_page(LESSON, origin=copy, javascript=False)
    expect(page.locator("math").first).to_be_visible()
    widget = open_widget(page)
    expect(figure(widget, "retrieved")).to_have_text(expected(prepared.engine, 100)[0])
    page.get_by_role("link", name="funnel/runner.py").first.click()
    expect(page.get_by_role("heading", name="funnel/runner.py")).to_be_visible()


@pytest.mark.parametrize(("width", "theme", "rules"), [(390, "dark", ALL_BUT_CONTRAST), (1200, "light", CONTRAST)])
def test_the_copy_is_accessible(open_page, copy, width, theme, rules):
    page = open_page("/index.html", origin=copy, width=width, theme=theme)
    for path in ("/index.html", LESSON, "/code/funnel/runner.py.html"):
        page.goto(copy + path)
        check(page, {"preload": False} | rules)  # axe would fetch the style sheet, which no browser does from the disk
