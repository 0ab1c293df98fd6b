"""Lesson 7 in Chromium: a slider driven by keyboard shows the lifts that an enumeration by hand finds."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.position_and_selection_bias import RECOMPUTED

pytestmark = pytest.mark.browser

LESSON = "/lessons/07-position-and-selection-bias"


def test_a_stronger_bias_turns_the_naive_sign(open_widget):
    widget = open_widget(LESSON, "strength", RECOMPUTED)
    slider = widget.slider("Strength")
    for key, eta in (("Home", 0), ("End", 200), ("ArrowLeft", 175)):
        slider.press(key)
        expect(slider).to_have_value(str(eta))
        widget.agrees("true", "naive", "dr", eta=eta, reader=0, challenger=0, logged=0)
