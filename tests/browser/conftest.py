"""Chromium, a server, and a page that fails its test if anything goes wrong in the browser."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import expect
from tests.browser.widget import Widget
from tests.lessons.prepared import prepared_world
from tests.pages.serve import Holder, application, running

PATIENCE_MS = 60_000  # a page that is made for the first time on a busy machine has this long
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args, tmp_path_factory):
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        reason = f"no browser: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("SHORTLIST_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    home = {"HOME": str(tmp_path_factory.mktemp("home"))}  # the browser leaves its traces there, not in the user's
    return {
        **browser_type_launch_args,
        "executable_path": found,
        "args": ["--no-sandbox", "--disable-gpu"],
        "env": {**os.environ, **home},
    }


@pytest.fixture(scope="session")
def holder(tmp_path_factory):
    return Holder(prepared_world(tmp_path_factory.mktemp("world")))


@pytest.fixture(scope="session")
def base(holder):
    with running(application(holder)) as address:
        yield address


def watch(page, origin):
    """Notes what must not happen while a page is looked at."""
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
    page.on("request", lambda r: None if r.url.startswith(origin) else wrong.append(f"off origin: {r.url}"))
    # A navigation aborts what the page before it was still loading; nothing else may fail.
    page.on("requestfailed", lambda r: None if "ABORTED" in r.failure else wrong.append(f"failed: {r.url} {r.failure}"))
    page.on("response", lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    return wrong


@pytest.fixture
def open_page(browser, base):
    """Opens watched pages: ``open_page(path, width=…, theme=…, javascript=…, origin=…)``."""
    contexts, notes = [], []

    def opener(path="/", *, width=1200, theme="light", javascript=True, origin=base):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=javascript
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        notes.append(watch(page, origin))
        page.goto(origin + path)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert [note for noted in notes for note in noted] == []


@pytest.fixture
def open_widget(open_page, holder):
    """Unfolds a widget of a lesson: ``open_widget(path, name, recomputed)``; see ``Widget`` for what it can do."""
    return lambda path, name, recomputed: Widget(open_page(path), name, holder.engine, recomputed)
