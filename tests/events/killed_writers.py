"""A process of its own that starts a writer of the log for each line of its input, to be killed.

It imports what a writer needs once. A writer is a fork of it, which is safe here and in few other places: no thread and
no database has been opened before. Lines of its output: ``pid N``, ``acknowledged NAME`` after a commit, ``dead``.
"""

import os
import sys
import threading
from pathlib import Path

import sqlalchemy as sa

from shortlist.core.page import Page, PolicyRecord, ShownItem
from shortlist.events.database import open_database
from shortlist.events.event import Event
from shortlist.events.event_log import EventLog, Recorded
from shortlist.events.group_commit import GroupCommit
from shortlist.events.tables import LOG

IN_BATCH = 3


def batch(name: str) -> tuple[Page, list[Event]]:
    """A page of two slots and three events on it: what must be in the log whole or not at all."""
    shown = [
        ShownItem(slot=slot, item=slot, sources=("popular",), selection_propensity=0.5, scores={}) for slot in (1, 2)
    ]
    page = Page(
        request_id=name,
        surface="feed",
        user=5,
        known_user=True,
        query="",
        release="r1",
        served_us=1,
        policy=PolicyRecord(policy="softmax", temperature=0.1, draw_key=3),
        items=tuple(shown),
    )
    told = Event(event_id="", kind="click", request_id=name, block="organic", slot=1, item=1, event_us=2)
    events = [
        Event(**{field: getattr(told, field) for field in Event.__struct_fields__} | {"event_id": f"{name}/{number}"})
        for number in range(IN_BATCH)
    ]
    return page, events


def record(log: EventLog, name: str) -> Recorded:
    page, events = batch(name)
    return log.record(events, 3, [page])


def stream(path: Path, first: str, generation: str, *, hasty: bool) -> None:
    """Record batches until death: first the one that the writer before may have left without an answer.

    The control is hasty: it acknowledges what it has not written yet.
    """
    log = EventLog(GroupCommit(open_database(path, LOG)))
    number = 0
    name = first
    while True:
        if name and hasty:
            os.write(1, f"acknowledged {name}\n".encode())
        if name:
            record(log, name)
        if name and not hasty:
            os.write(1, f"acknowledged {name}\n".encode())
        name = f"{generation}-{number}"
        number += 1


def main() -> None:
    path = Path(sys.argv[1])
    sa.create_engine("sqlite://")  # opens nothing, but imports what each writer would
    for line in sys.stdin:
        generation, _, first = line.strip().partition(" ")
        assert threading.active_count() == 1
        pid = os.fork()
        if not pid:
            stream(path, first, generation, hasty="hasty" in sys.argv[2:])
        os.write(1, f"pid {pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
