"""Lesson 6 in Chromium: a slider moved by keyboard shows what a training, repeated in the test, finds."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.negative_sampling import RECOMPUTED

pytestmark = pytest.mark.browser


def test_a_longer_list_shows_the_recall_that_a_repeated_training_has(open_page, holder):
    widget = open_page("/lessons/06-negative-sampling").locator("#logq")
    widget.locator("summary").first.click()
    slider = widget.get_by_role("slider", name=re.compile("Items in a list"))
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    expect(slider).to_have_value("40")
    shown = {
        key: RECOMPUTED["logq", key](holder.engine, {"world": 0, "sampler": 0, "kind": 0, "k": 40})
        for key in ("all", "tail", "likes")
    }
    for key, text in shown.items():
        expect(widget.locator(f'[data-figure="{key}"]')).to_have_text(text)
    expect(widget.locator("[role=status]")).to_contain_text("In lists of 40")
    widget.get_by_label("Figures of the model with").select_option("wrong sign")
    wrong = RECOMPUTED["logq", "all"](holder.engine, {"world": 0, "sampler": 0, "kind": 2, "k": 40})
    expect(widget.locator('[data-figure="all"]')).to_have_text(wrong)
    assert wrong != shown["all"]
