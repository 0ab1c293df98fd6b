"""Lesson 6 in Chromium: a slider moved by keyboard shows what a training, repeated in the test, finds."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.negative_sampling import RECOMPUTED

pytestmark = pytest.mark.browser

LESSON = "/lessons/06-negative-sampling"


def test_a_longer_list_shows_the_recall_that_a_repeated_training_has(open_widget, holder):
    widget = open_widget(LESSON, "logq", RECOMPUTED)
    slider = widget.slider("Items in a list")
    for _ in range(4):
        slider.press("ArrowRight")
    expect(slider).to_have_value("40")
    widget.agrees("all", "tail", "likes", world=0, sampler=0, kind=0, k=40)
    expect(widget.element.locator("[role=status]")).to_contain_text("In lists of 40")
    shown = widget.figure("all").inner_text()
    widget.element.get_by_label("Figures of the model with").select_option("wrong sign")
    widget.agrees("all", world=0, sampler=0, kind=2, k=40)
    assert widget.figure("all").inner_text() != shown
