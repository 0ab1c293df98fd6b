"""Lesson 3 in Chromium: sliders driven by keyboard show what faiss and the exact search say."""

from __future__ import annotations

import re

import faiss
import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.nearest_neighbours import RECOMPUTED

from shortlist.lessons.nearest_neighbours.stroll import plane_of, query_of

pytestmark = pytest.mark.browser

LESSON = "/lessons/03-nearest-neighbours"


def open_widget(page, name):
    widget = page.locator(f"#{name}")
    widget.locator("summary").first.click()
    return widget


def figure(widget, key):
    return widget.locator(f'[data-figure="{key}"]')


def test_a_wider_beam_shows_the_distances_that_faiss_counts(open_page, holder):
    widget = open_widget(open_page(LESSON), "stroll")
    slider = widget.get_by_role("slider", name=re.compile("Candidates"))
    slider.focus()
    for _ in range(6):
        slider.press("ArrowRight")
    expect(slider).to_have_value("10")
    plane = plane_of(holder.engine)
    faiss.cvar.hnsw_stats.reset()
    plane.index.search(query_of(1)[None], 1, effort=10)
    expect(figure(widget, "comparisons")).to_have_text(str(1 + faiss.cvar.hnsw_stats.ndis))


def test_stretched_lengths_reorder_the_list(open_page, holder):
    widget = open_widget(open_page(LESSON), "reorder")
    slider = widget.get_by_role("slider", name=re.compile("Spread"))
    slider.focus()
    for key, spread in (("End", 200), ("Home", 0)):
        slider.press(key)
        for name in ("shared", "mean"):
            expected = RECOMPUTED["reorder", name](holder.engine, {"item": 50, "spread": spread})
            expect(figure(widget, name)).to_have_text(expected)


def test_another_currency_rings_another_setting(open_page, holder):
    widget = open_widget(open_page(LESSON), "frontier")
    values = {"world": 1, "cost": 2, "recall": 95}
    widget.get_by_label("The vectors").select_option(index=1)
    widget.get_by_label("Cheap is counted in").select_option(index=2)
    for key in ("pick", "size"):
        expect(figure(widget, key)).to_have_text(RECOMPUTED["frontier", key](holder.engine, values))
