"""Side effect: every served page into the log, with how it was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from shortlist.core.columns import CAMPAIGN, CREATIVE, KEYWORD
from shortlist.core.page import Page, ShownAd
from shortlist.core.trace import CandidateTrace
from shortlist.events.group_commit import GroupCommit
from shortlist.events.pseudonyms import pseudonym_of
from shortlist.events.tables import PAGES, SCORED, SLOTS

__all__ = ["PageLog", "write_page"]

_SPONSORED_ONLY = tuple(name for name in ShownAd.__struct_fields__ if name not in {"slot", "item"})
_IDS = (CAMPAIGN.name, CREATIVE.name, KEYWORD.name)


class PageLog:
    """Writes served pages; they are durable when ``after`` returns, and one that comes twice is written once.

    Args:
        writer: of the log's database.
    """

    name = "page log"

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer

    def after(self, pages: Sequence[Page]) -> None:
        """Write the pages in one transaction: their slots and, where they were sampled, their candidates.

        Raises:
            ExceptionGroup: pages that could not be written, each with its reason; the others were.
        """
        failures = self._writer.write(lambda connection: _write(connection, pages))
        if failures:
            raise ExceptionGroup("pages that are not in the log", failures)


def write_page(connection: sa.Connection, page: Page) -> None:
    """Write a page that the log does not hold yet, within a transaction that writes."""
    held = sa.select(PAGES.c.request_id).where(PAGES.c.request_id == page.request_id)
    if connection.execute(held).one_or_none() is not None:
        return
    user = None if page.user is None else pseudonym_of(connection, page.user)
    connection.execute(sa.insert(PAGES), _page_row(page, user))
    if slots := [*_organic_rows(page), *_sponsored_rows(page)]:
        connection.execute(sa.insert(SLOTS), slots)
    if page.scored:
        connection.execute(sa.insert(SCORED), [_scored_row(page, n, row) for n, row in enumerate(page.scored)])


def _write(connection: sa.Connection, pages: Sequence[Page]) -> list[Exception]:
    failures: list[Exception] = []
    for page in pages:
        try:
            with connection.begin_nested():
                write_page(connection, page)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this page's only
            error.add_note(f"page {page.request_id}")
            failures.append(error)
    return failures


def _page_row(page: Page, user: int | None) -> dict[str, Any]:
    return {
        "request_id": page.request_id,
        "surface": page.surface,
        "user": user,
        "known_user": page.known_user,
        "query": page.query,
        "release": page.release,
        "policy": page.policy.policy,
        "temperature": page.policy.temperature,
        "draw_key": page.policy.draw_key,
        "exploration": page.policy.exploration,
        "exploration_temperature": page.policy.exploration_temperature,
        "degradations": _json(page.degradations),
        "scored_sampling_rate": page.scored_sampling_rate,
        "scored": bool(page.scored),
        "served_us": page.served_us,
    }


def _organic_rows(page: Page) -> list[dict[str, Any]]:
    nothing = dict.fromkeys(_SPONSORED_ONLY)
    return [
        nothing
        | {
            "request_id": page.request_id,
            "block": "organic",
            "slot": shown.slot,
            "item": shown.item,
            "selection_propensity": shown.selection_propensity,
            "sources": _json(shown.sources),
            "scores": _json(shown.scores),
        }
        for shown in page.items
    ]


def _sponsored_rows(page: Page) -> list[dict[str, Any]]:
    return [
        {"request_id": page.request_id, "block": "sponsored", "sources": "[]", "scores": "{}"}
        | msgspec.structs.asdict(shown)
        for shown in page.ads
    ]


def _scored_row(page: Page, number: int, row: CandidateTrace) -> dict[str, Any]:
    return {
        "request_id": page.request_id,
        "candidate": number,
        "block": row.block,
        "item": row.item,
        "slot": row.slot,
        "sources": _json(row.sources),
        "scores": _json({name: value for name, value in row.values.items() if name not in _IDS}),
        "dropped_by": row.dropped_by,
        "reason": row.reason,
    } | {name: row.values.get(name) for name in _IDS}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
