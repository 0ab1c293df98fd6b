"""Lesson 5 in Chromium: sliders driven by keyboard sell the page, swap the items and fit the maps as the engine does."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.losses_and_calibration import RECOMPUTED

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.core.stages import Outcome

pytestmark = pytest.mark.browser

LESSON = "/lessons/05-losses-and-calibration"


def open_widget(page, name):
    widget = page.locator(f"#{name}")
    widget.locator("summary").first.click()
    return widget


def figure(widget, key):
    return widget.locator(f'[data-figure="{key}"]')


def test_a_cooler_model_sells_the_page_at_the_engines_prices(open_page, holder):
    widget = open_widget(open_page(LESSON), "confidence")
    slider = widget.get_by_role("slider", name=re.compile("Temperature"))
    slider.focus()
    for key, size in (("Home", 30), ("ArrowRight", 40), ("End", 200)):
        slider.press(key)
        values = {"error": 0, "size": size, "bins": 15, "page": 1}
        for name in ("price", "places", "ece"):
            expect(figure(widget, name)).to_have_text(RECOMPUTED["confidence", name](holder.engine, values))


def test_another_auction_shows_other_prices(open_page, monkeypatch):
    widget = open_widget(open_page(LESSON), "confidence")
    before = figure(widget, "price").inner_text()

    def everybody_pays_a_cent(_, *, weight, bid, reserve, slot_effects):
        winner = (-bid).argsort(kind="stable")[: len(slot_effects)]
        return Outcome(winner=winner, price=0 * bid[winner] + 10_000)

    monkeypatch.setattr(GeneralizedSecondPrice, "run", everybody_pays_a_cent)
    widget.get_by_role("slider", name=re.compile("Temperature")).press("ArrowRight")
    expect(figure(widget, "price")).to_have_text("0.01")
    assert before != "0.01"


def test_a_swap_is_worth_what_ndcg_says(open_page, holder):
    widget = open_widget(open_page(LESSON), "swap")
    slider = widget.get_by_role("slider", name=re.compile("takes the place"))
    slider.focus()
    for key, other in (("ArrowLeft", 9), ("Home", 1), ("End", 10)):
        slider.press(key)
        values = {"one": 1, "other": other, "cut": 0, "list": 1}
        for name in ("change", "delta"):
            expect(figure(widget, name)).to_have_text(RECOMPUTED["swap", name](holder.engine, values))


def test_more_rows_are_fitted_anew(open_page, holder):
    widget = open_widget(open_page(LESSON), "calibrator")
    slider = widget.get_by_role("slider", name=re.compile("Rows"))
    slider.focus()
    slider.press("Home")
    values = {"fault": 0, "power": 7, "kind": 2}
    expect(figure(widget, "error")).to_have_text(RECOMPUTED["calibrator", "error"](holder.engine, values))
