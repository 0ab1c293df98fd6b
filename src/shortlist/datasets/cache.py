"""Parsed data sets on disk: Parquet tables and a file that holds their checksums, read again without a network."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from shortlist.core.errors import DataError
from shortlist.datasets.dataset import Dataset
from shortlist.datasets.fetch import sha256_of

__all__ = ["cache_folder", "load_dataset", "save_dataset", "shared_folder"]

_FORMAT = 1
_FACTS = "dataset.json"
_TABLES = ("items", "users", "interactions", "judgements")


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    name: str
    kind: Literal["ratings", "impressions", "catalogue"]
    positive_means: str
    licence: str
    sha256: dict[str, str]


def cache_folder() -> Path:
    """Where fetched data sets are kept: ``$XDG_CACHE_HOME/shortlist``, or ``~/.cache/shortlist``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "shortlist"


def shared_folder(name: str) -> Path | None:
    """``$SHORTLIST_DATA/<name>``, where somebody has put a data set's own files; None where there is none."""
    base = os.environ.get("SHORTLIST_DATA", "")
    folder = Path(base) / name
    return folder if base and folder.is_dir() else None


def save_dataset(dataset: Dataset, folder: Path) -> None:
    """Write a data set into a folder; a reader finds the old one, none or the new one, never a part."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        fresh = Path(temporary) / folder.name
        fresh.mkdir()
        for table in _TABLES:
            getattr(dataset, table).write_parquet(fresh / f"{table}.parquet")
        facts = _Facts(
            format=_FORMAT,
            name=dataset.name,
            kind=dataset.kind,
            positive_means=dataset.positive_means,
            licence=dataset.licence,
            sha256={table: sha256_of(fresh / f"{table}.parquet") for table in _TABLES},
        )
        (fresh / _FACTS).write_bytes(msgspec.json.format(msgspec.json.encode(facts)))
        with suppress(FileNotFoundError):
            folder.replace(Path(temporary) / "old")
        fresh.replace(folder)


def load_dataset(folder: Path) -> Dataset | None:
    """Read what ``save_dataset`` wrote; None where nothing was written, or by a version with another format.

    Raises:
        DataError: a file is missing, cannot be read, or is not the one that was written.
    """
    if not (folder / _FACTS).is_file():
        return None
    try:
        facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=_Facts)
    except msgspec.DecodeError as error:
        raise _corrupt(folder, _FACTS, f"is not what was written: {error}") from None
    if facts.format != _FORMAT:
        return None
    tables: dict[str, pl.DataFrame] = {}
    for table in _TABLES:
        path = folder / f"{table}.parquet"
        if not path.is_file():
            raise _corrupt(folder, path.name, "is missing")
        if sha256_of(path) != facts.sha256.get(table):
            raise _corrupt(folder, path.name, "does not have the checksum it was written with")
        tables[table] = pl.read_parquet(path)
    return Dataset(
        name=facts.name, kind=facts.kind, positive_means=facts.positive_means, licence=facts.licence, **tables
    )


def _corrupt(folder: Path, file: str, why: str) -> DataError:
    return DataError(
        f"the cached file {file} {why}",
        where=str(folder / file),
        fix=f"fetch it again with 'shortlist data get {folder.name}'",
    )
