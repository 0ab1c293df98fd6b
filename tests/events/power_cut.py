"""A file layer that knows what was synced, and a driver that lets SQLAlchemy write through it.

``Recorder`` is a VFS of SQLite that passes everything on and keeps a list of what was done to which file, with the
acknowledgements of the caller in between. ``Recorder.cut`` lays out the files as a power cut after so many steps leaves
them: what was written since a file's last sync is lost or, if ``some`` is given, arrives in part, sector by sector.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512

paramstyle = "qmark"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
Error = DatabaseError = OperationalError = IntegrityError = ProgrammingError = apsw.Error
NotSupportedError = InterfaceError = InternalError = DataError = apsw.Error
Binary = bytes

Step = tuple[str, str, int, bytes]
"""What was done, to the file of which name, where (or to which length), and with which bytes."""


class Recorder(apsw.VFS):
    """Args: name: SQLite knows it by; unique in the process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[Step] = []
        self.acknowledged: dict[str, int] = {}
        self._lock = threading.Lock()
        super().__init__(name, "")

    def note(self, what: str, file: str, at: int = 0, data: bytes = b"") -> None:
        with self._lock:
            self.steps.append((what, Path(file).name, at, data))

    def acknowledge(self, what: str) -> None:
        """The caller has been told that it is safe."""
        with self._lock:
            self.acknowledged[what] = len(self.steps)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.note("delete", filename)

    def cut(self, after: int, folder: Path, *, some: random.Random | None = None) -> Path:
        """Write the files as they are found after the power went, and return the folder."""
        durable: dict[str, bytearray] = {}
        since: dict[str, list[Step]] = {}
        for step in self.steps[:after]:
            what, file, _, _ = step
            waiting = since.setdefault(file, [])
            waiting.append(step)
            if what == "sync":
                if file not in durable and file.endswith(("-journal", "-wal")):
                    _sync_folder(durable, since)
                _apply(durable, waiting)
                waiting.clear()
        if some is not None:
            for waiting in since.values():
                _apply(durable, [part for step in waiting for part in _arrived(step, some)])
        for file, content in durable.items():
            (folder / file).write_bytes(content)
        return folder


def _apply(files: dict[str, bytearray], steps: Iterable[Step]) -> None:
    for what, file, at, data in steps:
        held = files.setdefault(file, bytearray())
        if what == "write":
            held.extend(bytes(max(0, at - len(held))))
            held[at : at + len(data)] = data
        elif what == "truncate":
            del held[at:]
        elif what == "delete":
            del files[file]


def _sync_folder(durable: dict[str, bytearray], since: dict[str, list[Step]]) -> None:
    """What SQLite does on a Unix with the first sync of a journal that it has made (``UNIXFILE_DIRSYNC``)."""
    for waiting in since.values():
        ended = max((number for number, (what, *_) in enumerate(waiting, 1) if what == "delete"), default=0)
        _apply(durable, waiting[:ended])
        del waiting[:ended]


def _arrived(step: Step, some: random.Random) -> list[Step]:
    what, file, at, data = step
    if what != "write":
        return [step] if some.random() < 0.5 else []
    ends = [*range((at // SECTOR + 1) * SECTOR, at + len(data), SECTOR), at + len(data)]
    starts = [at, *ends[:-1]]
    return [
        (what, file, start, data[start - at : end - at])
        for start, end in zip(starts, ends, strict=True)
        if some.random() < 0.5
    ]


class _File(apsw.VFSFile):
    def __init__(self, recorder: Recorder, name: Any, flags: list[int]) -> None:
        self._recorder = recorder
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._recorder.note("write", self._name, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._recorder.note("truncate", self._name, newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._recorder.note("sync", self._name)


def connect(database: str, *, vfs: str, **_of_the_other_driver: object) -> Connection:
    return Connection(apsw.Connection(database, vfs=vfs))


class Connection:
    """As much of ``sqlite3.Connection`` as SQLAlchemy asks for."""

    isolation_level = None

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw
        self.commit = self._ending("COMMIT")
        self.rollback = self._ending("ROLLBACK")
        self.close = raw.close

    def cursor(self) -> Cursor:
        return Cursor(self._raw)

    def create_function(self, name: str, n: int, function: Callable[..., Any], *, deterministic: bool) -> None:
        self._raw.create_scalar_function(name, function, n, deterministic=deterministic)

    def _ending(self, statement: str) -> Callable[[], None]:
        def end() -> None:
            if self._raw.in_transaction:
                self._raw.execute(statement)

        return end


class Cursor:
    """As much of ``sqlite3.Cursor``."""

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.lastrowid = 0
        self._rows: list[Any] = []

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Cursor:
        before, cursor = self._raw.total_changes(), self._raw.cursor()
        cursor.exec_trace = self._describe
        self._rows = cursor.execute(statement, tuple(parameters)).fetchall()
        self.rowcount = self._raw.total_changes() - before
        self.lastrowid = self._raw.last_insert_rowid()
        return self

    def executemany(self, statement: str, many: Iterable[Sequence[Any]]) -> None:
        for parameters in many:
            self.execute(statement, parameters)

    def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        self._rows = []

    def _describe(self, cursor: apsw.Cursor, _statement: str, _bindings: object) -> bool:
        columns = cursor.get_description()
        self.description = tuple((name, *[None] * 6) for name, _ in columns) or None
        return True


def read_back(folder: Path, query: str) -> list[Any] | None:
    """Rows of a query on the files that a cut left, by the driver that serves; None where the file is damaged."""
    connection = sqlite3.connect(folder / "events.sqlite")
    try:
        whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute(query).fetchall() if whole else None
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()
