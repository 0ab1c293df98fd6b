"""Every prompt's answer links a state of a widget; the figure there is worked out anew from the engine and compared.

A lesson's figures are recomputed by ``tests/lessons/recomputed/<lesson>.py``: ``RECOMPUTED`` maps (widget, key) to a
function of the engine and the state's values that returns the figure's text, or None where it is a time measured on the spot.
"""

from __future__ import annotations

import importlib
import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from litestar.testing import TestClient
from tests.pages.serve import Holder, application

from shortlist.lessons.lesson import LESSONS, WIDGETS

PROMPT = re.compile(r'<section class="prompt">(.*?)</section>', re.DOTALL)
LINK = re.compile(r'<a class="permalink" data-widget="([^"]+)" data-key="([^"]+)" href="([^"]+)"')


@pytest.fixture(scope="module")
def client(prepared):
    with TestClient(application(Holder(prepared))) as client:
        yield client


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_every_answer_links_a_figure_that_is_the_engines(lesson, prepared, client):
    recomputed = importlib.import_module(f"tests.lessons.recomputed.{lesson.slug[3:].replace('-', '_')}").RECOMPUTED
    prompts = PROMPT.findall(client.get(f"/lessons/{lesson.slug}").text)
    assert 4 <= len(prompts) <= 6
    for prompt in prompts:
        links = LINK.findall(prompt)
        assert links, f"an answer without a permalink: {prompt[:100]}"
        for widget, key, href in links:
            query = dict(parse_qsl(urlsplit(unescape(href)).query))
            fragment = client.get(f"/lessons/widgets/{widget}", params=query)
            assert fragment.status_code == 200
            shown = re.search(rf'data-figure="{re.escape(key)}">([^<]*)<', fragment.text)
            assert shown, f"{widget} shows no figure {key!r}"
            expected = recomputed[widget, key](prepared.engine, WIDGETS[widget].read(query).values)
            if expected is not None:
                assert unescape(shown.group(1)) == expected, (widget, key, query)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_permalink_opens_its_widget_without_javascript(lesson, client):
    widget, _, href = LINK.findall(client.get(f"/lessons/{lesson.slug}").text)[0]
    text = client.get(f"/lessons/{lesson.slug}?{urlsplit(unescape(href)).query}").text
    form = re.search(rf'<live-widget id="{widget}".*?</live-widget>', text, re.DOTALL)
    assert form
    assert "<details open>" in form.group(0)
    assert urlsplit(unescape(href)).fragment == widget


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_static_copy_holds_every_state_that_is_linked(lesson, client):
    for widget, _, href in LINK.findall(client.get(f"/lessons/{lesson.slug}").text):
        state = WIDGETS[widget].read(dict(parse_qsl(urlsplit(unescape(href)).query)))
        assert any(state.values == baked.values for baked in WIDGETS[widget].states()), (widget, href)
