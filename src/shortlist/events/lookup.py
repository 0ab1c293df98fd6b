"""What the log holds already about a page or an event that a client names; read beside the writer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from shortlist.core.page import Page
from shortlist.events.tables import EVENTS, PAGES, PSEUDONYMS, SLOTS

__all__ = ["Served", "find_recorded", "find_served", "served_of"]


@dataclass(frozen=True, slots=True)
class Served:
    """A served page as events see it.

    Attributes:
        user: catalogue key of whoever it was served to; None where nobody knows, or the user was forgotten.
        items: what it showed, by (block, slot).
    """

    request_id: str
    user: int | None
    served_us: int
    items: dict[tuple[str, int], int]


def served_of(page: Page) -> Served:
    """The same of a page that has not left memory yet."""
    organic = {("organic", shown.slot): shown.item for shown in page.items}
    sponsored = {("sponsored", shown.slot): shown.item for shown in page.ads}
    return Served(page.request_id, page.user, page.served_us, organic | sponsored)


def find_served(engine: sa.Engine, request_id: str) -> Served | None:
    """A page of the log; None where it holds no such page."""
    page = (
        sa.select(PSEUDONYMS.c.user, PAGES.c.served_us)
        .join_from(PAGES, PSEUDONYMS, PAGES.c.user == PSEUDONYMS.c.pseudonym, isouter=True)
        .where(PAGES.c.request_id == request_id)
    )
    slots = sa.select(SLOTS.c.block, SLOTS.c.slot, SLOTS.c.item).where(SLOTS.c.request_id == request_id)
    with engine.connect() as connection:
        row = connection.execute(page).one_or_none()
        if row is None:
            return None
        items = {(block, slot): item for block, slot, item in connection.execute(slots)}
    return Served(request_id, row.user, row.served_us, items)


def find_recorded(engine: sa.Engine, event_ids: Collection[str]) -> set[str]:
    """Those of the ids under which an event was recorded, whatever its content; at most some thousands are asked."""
    with engine.connect() as connection:
        held = sa.select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(event_ids))
        return set(connection.execute(held).scalars())
