"""Lesson 4 in Chromium: sliders driven by keyboard show what models trained anew say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.the_ranking_model import RECOMPUTED

pytestmark = pytest.mark.browser

LESSON = "/lessons/04-the-ranking-model"


def open_widget(page, name):
    widget = page.locator(f"#{name}")
    widget.locator("summary").first.click()
    return widget


def figure(widget, key):
    return widget.locator(f'[data-figure="{key}"]')


def test_a_second_cross_layer_finds_an_interaction_of_three(open_page, holder):
    widget = open_widget(open_page(LESSON), "depth")
    slider = widget.get_by_role("slider", name=re.compile("Cross layers"))
    slider.focus()
    for key, layers in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2)):
        slider.press(key)
        expect(slider).to_have_value(str(layers))
        expect(figure(widget, "auc")).to_have_text(
            RECOMPUTED["depth", "auc"](holder.engine, {"order": 1, "layers": layers})
        )


def test_another_place_in_the_ranking_has_other_parts(open_page, holder):
    widget = open_widget(open_page(LESSON), "parts")
    slider = widget.get_by_role("slider", name=re.compile("Place"))
    slider.focus()
    slider.press("ArrowRight")
    for key in ("difference", "largest"):
        expected = RECOMPUTED["parts", key](holder.engine, {"request": 1, "place": 2, "beside": 0})
        expect(figure(widget, key)).to_have_text(expected)


def test_another_model_has_another_auc(open_page, holder):
    widget = open_widget(open_page(LESSON), "models")
    widget.locator("select").first.select_option(index=1)
    expect(figure(widget, "auc")).to_have_text(RECOMPUTED["models", "auc"](holder.engine, {"model": 1, "features": 1}))
