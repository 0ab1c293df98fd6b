"""``load``: a data set by its name, or your own tables by their folder."""

from __future__ import annotations

from pathlib import Path

from shortlist.core.errors import DatasetUnavailable
from shortlist.datasets.cache import cache_folder, load_dataset, save_dataset
from shortlist.datasets.dataset import Dataset
from shortlist.datasets.fetch import Progress, silent
from shortlist.datasets.icecat import icecat_is_not_one_file, read_shared_icecat
from shortlist.datasets.known import ICECAT, KNOWN, KUAIRAND, MOVIELENS, KnownDataset
from shortlist.datasets.kuairand import fetch_kuairand, read_shared_kuairand
from shortlist.datasets.movielens import fetch_movielens, read_shared_movielens
from shortlist.datasets.own import read_folder

__all__ = ["fetch", "load", "read_shared"]


def load(name_or_path: str, *, cache: Path | None = None, progress: Progress = silent) -> Dataset:
    """A data set in the one schema.

    A known name is looked for in ``$SHORTLIST_DATA/<name>/``, then in the cache, and then fetched.

    Args:
        name_or_path: a name of ``KNOWN``, or a folder with your own tables (see ``own``).
        cache: where fetched data sets are kept; without it, the user's cache folder.
        progress: is told about downloads.

    Raises:
        DatasetUnavailable: nobody has it here, and it cannot be fetched.
        DataError: a file is not what it should be.
    """
    known = {entry.name: entry for entry in KNOWN}.get(name_or_path)
    if known is None:
        folder = Path(name_or_path)
        if folder.is_dir():
            return read_folder(folder)
        raise DatasetUnavailable(
            f"there is no data set and no folder {name_or_path!r}",
            where="data",
            fix=f"use one of {', '.join(entry.name for entry in KNOWN)}, or a folder with your own tables",
        )
    shared = read_shared(known)
    if shared is not None:
        return shared
    folder = (cache or cache_folder()) / known.name
    return load_dataset(folder) or fetch(known, cache=cache, progress=progress)


def fetch(known: KnownDataset, *, cache: Path | None = None, progress: Progress = silent) -> Dataset:
    """Fetch a known data set and keep it in the cache, in place of what was there.

    Raises:
        DatasetUnavailable: it cannot be reached.
        DataError: what was fetched is not as its reader expects.
    """
    if known == MOVIELENS:
        dataset = fetch_movielens(progress)
    elif known == KUAIRAND:
        dataset = fetch_kuairand(progress)
    else:
        raise icecat_is_not_one_file()
    save_dataset(dataset, (cache or cache_folder()) / known.name)
    return dataset


def read_shared(known: KnownDataset) -> Dataset | None:
    """Read a known data set from ``$SHORTLIST_DATA/<name>/``; None where it is not there.

    Raises:
        DataError: its files are not as its reader expects.
    """
    if known == MOVIELENS:
        return read_shared_movielens()
    if known == KUAIRAND:
        return read_shared_kuairand()
    return read_shared_icecat() if known == ICECAT else None
