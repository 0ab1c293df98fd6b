"""Lesson widgets in Chromium: their figures are the engine's, whatever the reader does to the controls."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.pages.serve import Holder, application, running
from tests.pages.world import World

from shortlist.lessons.candidate_generation.found import found
from shortlist.lessons.the_funnel.held_out import MERGED, recalls

pytestmark = pytest.mark.browser

LESSON = "/lessons/01-the-funnel"
KEPT = re.compile("Candidates kept")


def open_widget(page, name="kept"):
    widget = page.locator(f"#{name}")
    widget.locator("summary").first.click()
    return widget


def figure(widget, key):
    return widget.locator(f'[data-figure="{key}"]')


def expected(engine, kept, slots=10, filled_by="popular", *, alone=False):
    return tuple(f"{recall:.1%}" for recall in recalls(engine).of(filled_by, alone=alone).at(kept, slots))


def test_a_slider_driven_by_keyboard_shows_what_the_engine_says(open_page, holder):
    widget = open_widget(open_page(LESSON))
    slider = widget.get_by_role("slider", name=KEPT)
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    expect(slider).to_have_value("150")
    retrieved, shown = expected(holder.engine, 150)
    expect(figure(widget, "retrieved")).to_have_text(retrieved)
    expect(figure(widget, "shown")).to_have_text(shown)
    expect(widget.locator("[role=status]")).to_contain_text("Filled by popularity alone, a page of 10 needs")
    assert expected(holder.engine, 100) != (retrieved, shown)


def test_another_list_has_another_ceiling(open_page, holder):
    widget = open_widget(open_page(LESSON))
    for label, filled_by in (("all sources, merged", MERGED), ("the two towers", "two_tower")):
        widget.get_by_label("The list is filled by").select_option(label)
        retrieved, shown = expected(holder.engine, 100, filled_by=filled_by)
        expect(figure(widget, "retrieved")).to_have_text(retrieved)
        expect(figure(widget, "shown")).to_have_text(shown)
        assert retrieved != expected(holder.engine, 100)[0]


def test_another_engine_changes_the_page(browser, open_page, tmp_path):
    holder = Holder(World(tmp_path / "a").build())
    with running(application(holder)) as origin:
        page = open_page(LESSON, origin=origin)
        first = expected(holder.world.engine, 100)
        expect(figure(open_widget(page), "retrieved")).to_have_text(first[0])
        holder.world = World(tmp_path / "b", seed=8).build()
        page.reload()
        second = expected(holder.world.engine, 100)
        expect(figure(open_widget(page), "retrieved")).to_have_text(second[0])
        assert first != second
        page.context.close()


def test_dragging_settles_on_the_last_value(open_page, holder):
    page = open_page(LESSON)
    widget = open_widget(page)
    slider = widget.get_by_role("slider", name=KEPT)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 30, middle)
    page.mouse.down()
    for share in (0.2, 0.9, 0.4, 0.7, 0.55, 0.83):
        page.mouse.move(box["x"] + share * box["width"], middle, steps=12)
    page.mouse.up()
    kept = int(slider.input_value())
    assert 250 < kept < 400
    expect(figure(widget, "kept for the ranker")).to_have_text(str(kept))
    expect(widget.locator("[data-view]")).to_have_attribute("aria-busy", "false")
    expect(figure(widget, "retrieved")).to_have_text(expected(holder.engine, kept)[0])


def test_a_permalink_restores_the_state_of_every_widget(open_page, holder):
    page = open_page(LESSON)
    widget = page.locator("#kept")
    widget.get_by_label("about 50").check()
    slider = widget.get_by_role("slider", name=KEPT)
    slider.focus()
    slider.press("End")
    expect(figure(widget, "kept for the ranker")).to_have_text("400")
    budget = open_widget(page, "budget")
    budget.get_by_role("slider", name=re.compile("promise")).press("Home")
    expect(budget).to_contain_text("if 1 ms were promised")
    expect(page).to_have_url(re.compile("budget.promised=1"))

    again = open_page(LESSON + "#" + page.url.split("#")[1])
    expect(again.locator("#kept").get_by_role("slider", name=KEPT)).to_have_value("400")
    expect(figure(again.locator("#kept"), "retrieved")).to_have_text(expected(holder.engine, 400)[0])
    expect(again.locator("#kept")).to_contain_text("You guessed about 50")
    expect(again.locator("#budget")).to_contain_text("if 1 ms were promised")


def test_a_lesson_reads_without_javascript(open_page, holder):
    page = open_page(LESSON + "?kept.n=200&kept.guess=50", javascript=False)
    expect(page.locator("math").first).to_be_visible()
    widget = page.locator("#kept")
    expect(figure(widget, "retrieved")).to_have_text(expected(holder.engine, 200)[0])
    expect(widget).to_contain_text("You guessed about 50")
    widget.get_by_role("slider", name=re.compile("Slots")).press("ArrowRight")
    widget.get_by_role("button", name="Run it again").click()
    expect(figure(page.locator("#kept"), "shown")).to_have_text(expected(holder.engine, 200, 15)[1])
    page.locator(".prompt summary").first.click()
    expect(page.locator(".prompt details > div").first).to_be_visible()


def test_sources_are_switched_and_cut_by_keyboard(open_page, holder):
    widget = open_widget(open_page("/lessons/02-candidate-generation"), "sources")
    sets = found(holder.engine)
    slider = widget.get_by_role("slider", name=KEPT)
    slider.focus()
    for _ in range(4):
        slider.press("ArrowLeft")
    expect(slider).to_have_value("60")
    expect(figure(widget, "recall")).to_have_text(f"{sets.recall(0b1111, 0, 60):.1%}")
    widget.locator('select[name="sources.two_tower"]').select_option("0")
    expect(figure(widget, "recall")).to_have_text(f"{sets.recall(0b0111, 0, 60):.1%}")
    expect(figure(widget, "unique-als")).to_have_text(f"{sets.unique(0b0111, 2, 0, 60):+z.1%}")
    assert sets.recall(0b1111, 0, 60) != sets.recall(0b0111, 0, 60)
