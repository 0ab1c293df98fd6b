"""Sheets: figures that take longer than a slider's step, worked out beforehand and kept beside the releases.

    <state>/lessons/<release version>/<sheet name>.json

``shortlist lessons prepare`` writes them (``workbook.prepare``); a widget asks its ``SheetReader``. A sheet is typed,
holds plain figures, and says of which release it was made.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import msgspec

from shortlist.core.errors import NotFound
from shortlist.funnel.engine import Engine

__all__ = ["Sheet", "SheetReader", "sheet_path", "write_sheet"]


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sheets have in common; a kind of sheet adds its figures.

    Attributes:
        name: of the kind, and of its file.
        release: the version of the release whose engine worked the figures out.
        seed: of whatever was drawn.
    """

    name: ClassVar[str]
    release: str
    seed: int


S = TypeVar("S", bound=Sheet)


def sheet_path(engine: Engine, name: str) -> Path:
    """Where a release's sheet of that name is kept."""
    return engine.release.folder.parent.parent / "lessons" / engine.release.version / f"{name}.json"


def write_sheet(engine: Engine, sheet: Sheet) -> Path:
    """Keep a sheet; one of the same name gives way in one step."""
    path = sheet_path(engine, sheet.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(sheet))
    new.replace(path)
    return path


class SheetReader(Generic[S]):
    """Reads one kind of sheet and remembers it until another release, or a new copy of the sheet, is there.

    Args:
        kind: the sheet's type.
    """

    def __init__(self, kind: type[S]) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._last: tuple[Path, int, S] | None = None

    def __call__(self, engine: Engine) -> S:
        """The sheet of this engine's release.

        Raises:
            NotFound: it has not been prepared, or by another version of the package.
        """
        path = sheet_path(engine, self._kind.name)
        fix = "run shortlist lessons prepare, then look again"
        with self._lock:
            try:
                made = path.stat().st_mtime_ns
                if self._last is None or self._last[:2] != (path, made):
                    self._last = (path, made, msgspec.json.decode(path.read_bytes(), type=self._kind))
            except FileNotFoundError:
                raise NotFound("its figures have not been prepared", where=f"{path.name}", fix=fix) from None
            except (msgspec.DecodeError, OSError):
                raise NotFound("its figures cannot be read by this version", where=f"{path.name}", fix=fix) from None
            return self._last[2]
