"""Lesson 3 in Chromium: sliders driven by keyboard show what faiss and the exact search say."""

from __future__ import annotations

import faiss
import pytest
from playwright.sync_api import expect
from tests.lessons.recomputed.nearest_neighbours import RECOMPUTED

from shortlist.lessons.nearest_neighbours.stroll import plane_of, query_of

pytestmark = pytest.mark.browser

LESSON = "/lessons/03-nearest-neighbours"


def test_a_wider_beam_shows_the_distances_that_faiss_counts(open_widget, holder):
    widget = open_widget(LESSON, "stroll", RECOMPUTED)
    slider = widget.slider("Candidates")
    for _ in range(6):
        slider.press("ArrowRight")
    expect(slider).to_have_value("10")
    plane = plane_of(holder.engine)
    faiss.cvar.hnsw_stats.reset()
    plane.index.search(query_of(1)[None], 1, effort=10)
    expect(widget.figure("comparisons")).to_have_text(str(1 + faiss.cvar.hnsw_stats.ndis))


def test_stretched_lengths_reorder_the_list(open_widget):
    widget = open_widget(LESSON, "reorder", RECOMPUTED)
    slider = widget.slider("Spread")
    for key, spread in (("End", 200), ("Home", 0)):
        slider.press(key)
        widget.agrees("shared", "mean", item=50, spread=spread)


def test_another_currency_rings_another_setting(open_widget):
    widget = open_widget(LESSON, "frontier", RECOMPUTED)
    widget.choose("The vectors", 1)
    widget.choose("Cheap is counted in", 2)
    widget.agrees("pick", "size", world=1, cost=2, recall=95)
