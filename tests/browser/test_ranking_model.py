"""Lesson 4 in Chromium: sliders driven by keyboard show what models trained anew say."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.the_ranking_model import RECOMPUTED

pytestmark = pytest.mark.browser

LESSON = "/lessons/04-the-ranking-model"


def test_a_second_cross_layer_finds_an_interaction_of_three(open_widget):
    widget = open_widget(LESSON, "depth", RECOMPUTED)
    slider = widget.slider("Cross layers")
    for key, layers in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2)):
        slider.press(key)
        expect(slider).to_have_value(str(layers))
        widget.agrees("auc", order=1, layers=layers)


def test_another_place_in_the_ranking_has_other_parts(open_widget):
    widget = open_widget(LESSON, "parts", RECOMPUTED)
    widget.slider("Place").press("ArrowRight")
    widget.agrees("difference", "largest", request=1, place=2, beside=0)


def test_another_model_has_another_auc(open_widget):
    widget = open_widget(LESSON, "models", RECOMPUTED)
    widget.element.locator("select").first.select_option(index=1)
    widget.agrees("auc", model=1, features=1)
