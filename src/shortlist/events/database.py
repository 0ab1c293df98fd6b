"""One SQLite file, opened so that a commit that returned survives a power cut, with readers beside one writer.

WAL lets readers go on while a transaction writes; ``synchronous=FULL`` brings the WAL to the disk at every commit;
``secure_delete`` overwrites what is deleted. A transaction that will write says so with
``connection.execution_options(writes=True)`` before it begins: it then takes the write lock at once (``BEGIN
IMMEDIATE``), so that what it reads still holds when it writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shortlist.core.errors import DataError

__all__ = ["BUSY_TIMEOUT_MS", "checkpoint", "open_database", "prepare_database"]

BUSY_TIMEOUT_MS = 10_000
"""How long a transaction waits for another process's, milliseconds."""


def open_database(path: Path, tables: sa.MetaData) -> sa.Engine:
    """The database of that file; the tables and columns that it lacks are made, the columns null in the rows it has.

    Raises:
        DataError: the file cannot be opened or is no database.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return prepare_database(sa.create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False}), tables)


def prepare_database(engine: sa.Engine, tables: sa.MetaData) -> sa.Engine:
    """The same of an engine that has not connected yet, whatever its driver of SQLite.

    Raises:
        DataError: as ``open_database``.
    """
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            tables.create_all(connection)
            _add_columns(connection, tables)
    except sa.exc.DatabaseError as error:
        engine.dispose()
        raise DataError(
            f"the file cannot be used as a database: {error.orig}",
            where=str(engine.url.database),
            fix="restore it from a copy, or name another state folder",
        ) from None
    return engine


def checkpoint(engine: sa.Engine) -> bool:
    """Bring the WAL into the database and empty it, so that nothing that was deleted stays in it or comes back.

    SQLite does not sync the emptied WAL, and a power cut would bring the old one back, with the bytes of what was
    deleted. The next commit syncs it; this makes one that changes nothing.

    Returns:
        False where somebody else read or wrote for ``BUSY_TIMEOUT_MS``: then the WAL still holds what it held.
    """
    raw = engine.raw_connection()
    try:
        ((busy, _, _),) = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if not busy:
            raw.cursor().execute("PRAGMA user_version=0")  # which nothing reads, and which writes the first page
    finally:
        raw.close()
    return not busy


def _add_columns(connection: sa.Connection, tables: sa.MetaData) -> None:
    for table in tables.sorted_tables:
        held = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        for column in table.c:
            if column.name not in held:
                described = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {described}")


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # this module says when a transaction begins, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
