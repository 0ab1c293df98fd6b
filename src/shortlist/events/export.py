"""The log as Parquet: a folder a table, a file an hour (UTC), each replaced in one step.

DIR/pages/date=2026-11-24/hour=02/part.parquet      hours of serving; so are slots and scored
DIR/events/date=2026-11-24/hour=02/part.parquet     hours of arrival: a late event changes no hour that has passed
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl
import sqlalchemy as sa

from shortlist.core.clock import HOUR_US, SECOND_US
from shortlist.core.errors import DataError
from shortlist.events.read import read_events, read_pages, read_scored, read_slots
from shortlist.events.tables import EVENTS, PAGES

__all__ = ["TABLES", "Exported", "export_log", "scan_exported"]


class _Table(NamedTuple):
    read: Callable[..., pl.DataFrame]
    time: sa.Column[int]


TABLES: dict[str, _Table] = {
    "pages": _Table(read_pages, PAGES.c.served_us),
    "slots": _Table(read_slots, PAGES.c.served_us),
    "scored": _Table(read_scored, PAGES.c.served_us),
    "events": _Table(read_events, EVENTS.c.received_us),
}


class Exported(NamedTuple):
    """What was written of one table."""

    table: str
    files: int
    rows: int


def export_log(engine: sa.Engine, folder: Path) -> tuple[Exported, ...]:
    """Write the whole log below ``folder``; files of an earlier export are replaced.

    Raises:
        DataError: the folder cannot be written.
    """
    return tuple(_export(engine, folder, name, table) for name, table in TABLES.items())


def scan_exported(folder: Path, table: str) -> pl.LazyFrame:
    """An exported table, with ``date`` and ``hour`` of its partition behind its own columns.

    Raises:
        DataError: nothing was exported there.
    """
    if not any((folder / table).rglob("*.parquet")):
        raise DataError(
            f"there is no exported table {table!r}", where=str(folder), fix="write it with 'shortlist log export DIR'"
        )
    partition = {"date": pl.Date(), "hour": pl.Int8()}
    return pl.scan_parquet(folder / table / "**" / "*.parquet", hive_partitioning=True, hive_schema=partition)


def _export(engine: sa.Engine, folder: Path, name: str, table: _Table) -> Exported:
    with engine.connect() as connection:
        hours = sorted(connection.execute(sa.select(table.time // HOUR_US).distinct()).scalars())
    files = rows = 0
    for at in hours:
        frame = table.read(engine, since_us=at * HOUR_US, until_us=(at + 1) * HOUR_US)
        if len(frame):
            _write(
                frame,
                folder
                / name
                / datetime.fromtimestamp(at * HOUR_US // SECOND_US, UTC).strftime("date=%Y-%m-%d/hour=%H"),
            )
            files, rows = files + 1, rows + len(frame)
    return Exported(name, files, rows)


def _write(frame: pl.DataFrame, partition: Path) -> None:
    try:
        partition.mkdir(parents=True, exist_ok=True)
        draft = partition / f".{secrets.token_hex(6)}"
        frame.write_parquet(draft)
        draft.replace(partition / "part.parquet")
    except OSError as error:
        raise DataError(
            f"the export cannot be written: {error.strerror}", where=str(partition), fix="name a folder you may write"
        ) from None
