"""Catalogue keys: assigned to an id once, kept in a file, never reordered.

Ids that are whole numbers are their own keys. Ids that are text are numbered from 1 in the order in which they are
first met; the file ``keys.json`` beside the tables remembers them, and new ids are put behind the old ones.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec
import polars as pl

from shortlist.core.errors import DataError

__all__ = ["KEYS_FILE", "Keys"]

KEYS_FILE = "keys.json"
_FORMAT = 1
_OWN_NUMBER = r"^(0|[1-9][0-9]{0,17})$"


class _Ids(msgspec.Struct):
    """``numbers``: the ids are their own keys; otherwise the key of an id is its place in ``assigned``, from 1."""

    numbers: bool
    assigned: list[str] = []


class _Content(msgspec.Struct):
    format: int = _FORMAT
    ids: dict[str, _Ids] = {}


class Keys:
    """The keys of the items and users of one place.

    Args:
        file: where they are kept; None keeps them nowhere, and they hold for this call only.

    Raises:
        DataError: the file is not one of these.

    Example:
        >>> keys = Keys(None)
        >>> keys.of("items", pl.Series(["B07", "A11"])).to_list(), keys.of("items", pl.Series(["C3", "A11"])).to_list()
        ([1, 2], [3, 2])
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._content = _Content()
        if file is not None and file.is_file():
            try:
                self._content = msgspec.json.decode(file.read_bytes(), type=_Content)
            except msgspec.DecodeError as error:
                raise DataError(
                    f"the file of catalogue keys cannot be read: {error}",
                    where=str(file),
                    fix="bring it back from a copy; without it, every id gets a new key",
                ) from None
        self._before = msgspec.json.encode(self._content)

    def of(self, table: str, ids: pl.Series) -> pl.Series:
        """The key of each id, int64, assigned now where it has none.

        Args:
            table: "items" or "users".
            ids: text, without nulls.

        Raises:
            DataError: the ids have been whole numbers so far, and one of these is not.
        """
        numbers = ids.str.contains(_OWN_NUMBER)
        known = self._content.ids.setdefault(table, _Ids(numbers=bool(numbers.all())))
        if known.numbers:
            if not numbers.all():
                raise DataError(
                    f"the id {ids.filter(~numbers)[0]!r} is no whole number, and so far all were",
                    where=f"table {table}",
                    fix=f"give whole numbers of at most 18 digits, or remove {self._file or 'the keys'} to number anew",
                )
            return ids.cast(pl.Int64).rename(table)
        new = ids.filter(~ids.is_in(pl.Series(known.assigned, dtype=pl.String).implode())).unique(maintain_order=True)
        known.assigned.extend(new.to_list())
        place = {external: key for key, external in enumerate(known.assigned, start=1)}
        return pl.Series(table, [place[external] for external in ids.to_list()], dtype=pl.Int64)

    def save(self) -> None:
        """Write the file, whole or not at all, if anything is new.

        Raises:
            DataError: keys were assigned and cannot be written.
        """
        content = msgspec.json.encode(self._content)
        if self._file is None or content == self._before:
            return
        try:
            with tempfile.NamedTemporaryFile(dir=self._file.parent, prefix=".keys-", delete=False) as part:
                part.write(content)
                part.flush()
                os.fsync(part.fileno())
            Path(part.name).replace(self._file)
        except OSError as error:
            if all(known.numbers for known in self._content.ids.values()):
                return  # whole numbers are their own keys wherever they are read
            raise DataError(
                f"the catalogue keys of text ids cannot be written: {error.strerror}",
                where=str(self._file),
                fix="make the folder writable, or give whole numbers as ids",
            ) from None
        self._before = content
