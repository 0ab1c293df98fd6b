"""A lesson's widget in Chromium: its controls, and its figures beside what the tests compute without the page."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect


class Widget:
    """One widget of a page, unfolded, and what its figures should be: RECOMPUTED of ``tests.lessons.recomputed``."""

    def __init__(self, page: Page, name: str, engine, recomputed: Mapping):
        self.name, self._engine, self._recomputed = name, engine, recomputed
        self.element = page.locator(f"#{name}")
        self.element.locator("summary").first.click()

    def figure(self, key: str) -> Locator:
        return self.element.locator(f'[data-figure="{key}"]')

    def slider(self, label: str) -> Locator:
        """The slider whose name begins with or holds a label, ready for keys."""
        slider = self.element.get_by_role("slider", name=re.compile(label))
        slider.focus()
        return slider

    def choose(self, label: str, option: int) -> None:
        self.element.get_by_label(label).select_option(index=option)

    def agrees(self, *keys: str, **values: int) -> None:
        """The figures show what is recomputed for these values of the controls."""
        for key in keys:
            expect(self.figure(key)).to_have_text(self._recomputed[self.name, key](self._engine, values))
