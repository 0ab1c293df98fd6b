"""Lesson 5 in Chromium: sliders driven by keyboard sell the page, swap the items and fit the maps as the engine does."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.losses_and_calibration import RECOMPUTED

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.core.stages import Outcome

pytestmark = pytest.mark.browser

LESSON = "/lessons/05-losses-and-calibration"


def test_a_cooler_model_sells_the_page_at_the_engines_prices(open_widget):
    widget = open_widget(LESSON, "confidence", RECOMPUTED)
    slider = widget.slider("Temperature")
    for key, size in (("Home", 30), ("ArrowRight", 40), ("End", 200)):
        slider.press(key)
        widget.agrees("price", "places", "ece", error=0, size=size, bins=15, page=1)


def test_another_auction_shows_other_prices(open_widget, monkeypatch):
    widget = open_widget(LESSON, "confidence", RECOMPUTED)
    before = widget.figure("price").inner_text()

    def everybody_pays_a_cent(_, *, weight, bid, reserve, slot_effects):
        winner = (-bid).argsort(kind="stable")[: len(slot_effects)]
        return Outcome(winner=winner, price=0 * bid[winner] + 10_000)

    monkeypatch.setattr(GeneralizedSecondPrice, "run", everybody_pays_a_cent)
    widget.slider("Temperature").press("ArrowRight")
    expect(widget.figure("price")).to_have_text("0.01")
    assert before != "0.01"


def test_a_swap_is_worth_what_ndcg_says(open_widget):
    widget = open_widget(LESSON, "swap", RECOMPUTED)
    slider = widget.slider("takes the place")
    for key, other in (("ArrowLeft", 9), ("Home", 1), ("End", 10)):
        slider.press(key)
        widget.agrees("change", "delta", one=1, other=other, cut=0, list=1)


def test_more_rows_are_fitted_anew(open_widget):
    widget = open_widget(LESSON, "calibrator", RECOMPUTED)
    widget.slider("Rows").press("Home")
    widget.agrees("error", fault=0, power=7, kind=2)
