"""Pictures of the pages for the documentation: ``python -m tests.browser.screenshots [URL] [FOLDER]`` while a server runs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright
from tests.browser.conftest import NAMES

WIDTH, HEIGHT = 1200, 960
TRIES = 10
QUERY = "comedy"


def look(page: Page, address: str) -> None:
    """Open a page; a picture of an error, or of a page that missed its deadline, is no picture of the page."""
    for _ in range(TRIES):
        answer = page.goto(address)
        if answer is None or not answer.ok:
            raise SystemExit(f"{address} does not answer as it should: {page.title()}")
        if not page.locator(".notice").count() and not is_late(page):
            return
    raise SystemExit(f"{address} missed its deadline {TRIES} times: wait until the machine is quiet")


def is_late(page: Page) -> bool:
    """Whether a funnel of the page, as in "6.2 ms of 50", took longer than it was allowed."""
    told = page.locator(".facts-list dd", has_text=" ms of ").all_inner_texts()
    return any(float(took) > float(allowed) for took, allowed in (text.split(" ms of ") for text in told))


def show_from(page: Page, part: Locator) -> None:
    """Scroll a part of the page to the top, below the bar that stays there."""
    part.evaluate("element => scrollTo(0, element.getBoundingClientRect().top + scrollY - 66)")
    page.wait_for_timeout(300)


def feed(page: Page, base: str) -> None:
    look(page, f"{base}/")


def search(page: Page, base: str) -> None:
    look(page, f"{base}/search?q={QUERY}&user=1")


def trace(page: Page, base: str) -> None:
    feed(page, base)
    page.get_by_role("link", name="Open the trace").click()
    show_from(page, page.locator(".panel", has_text="Candidates, stage by stage"))


def lesson_01(page: Page, base: str) -> None:
    look(page, f"{base}/lessons/01-the-funnel")
    widget = page.locator("#kept")
    widget.get_by_label("about 100").check()
    widget.get_by_role("status").get_by_text("You guessed").wait_for(state="attached")
    show_from(page, widget)


def main(base: str = "http://127.0.0.1:8000", folder: str = "docs/images") -> None:
    """Write ``<page>-<theme>.png`` for every page and theme."""
    executable = next(path for path in map(shutil.which, NAMES) if path)
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme)
            page = context.new_page()
            for name, show in (("feed", feed), ("search", search), ("trace", trace), ("lesson-01", lesson_01)):
                show(page, base)
                page.screenshot(path=Path(folder) / f"{name}-{theme}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
