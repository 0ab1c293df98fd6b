"""What the pages ask of the server: the same door that the API goes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shortlist.core.page import Page
from shortlist.funnel.engine import Engine

__all__ = ["Desk"]


class Desk(Protocol):
    """Serves, logs and remembers pages exactly as the API does."""

    def feed(self, engine: Engine, *, user: int | None, k: int) -> Page:
        """A feed that this engine makes, logged, its trace kept."""
        ...

    def search(self, engine: Engine, *, query: str, user: int | None, k: int, sponsored_slots: int) -> Page:
        """A page of results that this engine makes, logged, its traces kept."""
        ...

    def page(self, request_id: str) -> Page:
        """A page that was served a short while ago.

        Raises:
            NotFound: it is not among those that are remembered.
        """
        ...

    def recent(self, n: int) -> Sequence[Page]:
        """The last pages, newest first."""
        ...

    def click(self, *, request_id: str, slot: int, item: int, sponsored: bool) -> None:
        """A click on what a slot shows, written to the log as one sent to the API would be.

        Raises:
            NotFound: the page is not remembered, or its slot did not show the item.
        """
        ...
