"""The log of events: durable when ``record`` returns, and idempotent by the client's event id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from shortlist.core.page import Page
from shortlist.events.event import Event, EventConflict
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import write_page
from shortlist.events.tables import EVENTS

__all__ = ["EventLog", "Recorded"]

_CONTENT = tuple(name for name in Event.__struct_fields__ if name != "event_id")
_IMPRESSION = ("request_id", "kind", "block", "slot")
_IN_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch.

    Attributes:
        new: events that were not known before, in the batch's order.
        first: those of them that are the first of their kind for their slot; whoever clicks a slot a thousand times
            under a thousand ids has clicked on it once.
        duplicates: how many were known already, or came twice in the batch.
    """

    new: tuple[Event, ...]
    first: tuple[Event, ...]
    duplicates: int


class EventLog:
    """Records events.

    Args:
        writer: of the log's database.
    """

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer

    def record(self, events: Sequence[Event], received_us: int, pages: Sequence[Page] = ()) -> Recorded:
        """Write the events that are new; either all of a batch is accepted, or nothing of it.

        Args:
            events: told by a client.
            received_us: when they arrived, microseconds UTC.
            pages: pages that they name and that the log may lack so far: written in the same transaction, so that no
                crash leaves an event without its page.

        Raises:
            EventConflict: an id is taken by an event of other content; nothing was written.
        """

        def write(connection: sa.Connection) -> Recorded:
            for page in pages:
                write_page(connection, page)
            return _record(connection, events, received_us)

        return self._writer.write(write)


def _record(connection: sa.Connection, events: Sequence[Event], received_us: int) -> Recorded:
    known = _known(connection, [event.event_id for event in events])
    new: list[Event] = []
    for number, event in enumerate(events):
        content = tuple(getattr(event, name) for name in _CONTENT)
        held = known.setdefault(event.event_id, content)
        if held is content:
            new.append(event)
        elif held != content:
            differs = ", ".join(name for name, a, b in zip(_CONTENT, held, content, strict=True) if a != b)
            raise EventConflict(
                f"event {event.event_id!r} was recorded with another {differs}",
                where=f"events[{number}]",
                fix="send a new event under a new event_id, or the old one unchanged",
            )
    first = _first(connection, new)
    if new:
        rows = [
            {name: getattr(event, name) for name in Event.__struct_fields__} | {"received_us": received_us}
            for event in new
        ]
        connection.execute(sa.insert(EVENTS), rows)
    return Recorded(tuple(new), first, len(events) - len(new))


def _first(connection: sa.Connection, new: Sequence[Event]) -> tuple[Event, ...]:
    met: set[tuple[object, ...]] = set()
    ids = sorted({event.request_id for event in new})
    columns = [EVENTS.c[name] for name in _IMPRESSION]
    for start in range(0, len(ids), _IN_CHUNK):
        of_pages = EVENTS.c.request_id.in_(ids[start : start + _IN_CHUNK])
        met.update(tuple(row) for row in connection.execute(sa.select(*columns).where(of_pages).distinct()))
    first: list[Event] = []
    for event in new:
        impression = tuple(getattr(event, name) for name in _IMPRESSION)
        if impression not in met:
            met.add(impression)
            first.append(event)
    return tuple(first)


def _known(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[object, ...]]:
    columns = [EVENTS.c.event_id, *(EVENTS.c[name] for name in _CONTENT)]
    known: dict[str, tuple[object, ...]] = {}
    for start in range(0, len(ids), _IN_CHUNK):
        rows = connection.execute(sa.select(*columns).where(EVENTS.c.event_id.in_(ids[start : start + _IN_CHUNK])))
        known.update({row[0]: tuple(row[1:]) for row in rows})
    return known
