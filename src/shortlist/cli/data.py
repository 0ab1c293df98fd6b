"""``shortlist data``: which data sets can be had by name, and fetching one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from shortlist.core.errors import DataError, NotFound
from shortlist.datasets import fetch
from shortlist.datasets.cache import cache_folder, load_dataset, shared_folder
from shortlist.datasets.dataset import Dataset
from shortlist.datasets.known import KNOWN, MSLR, OPEN_BANDIT, KnownDataset
from shortlist.datasets.load import fetch as fetch_known
from shortlist.datasets.load import read_shared
from shortlist.datasets.mslr import load_mslr
from shortlist.datasets.open_bandit import load_open_bandit

__all__ = ["app", "download_progress"]

app = typer.Typer(help="Data sets: which there are, and fetching one.", no_args_is_help=True)

_Cache = Annotated[Path | None, typer.Option("--cache", help="Folder of fetched data sets; the user's cache without.")]


@contextmanager
def download_progress() -> Iterator[fetch.Progress]:
    """A progress bar on standard error, one line a file; silent where that is no terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        tasks = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], completed=done, total=total)

        yield show


@app.command("list")
def list_known(*, cache: _Cache = None) -> None:
    """Show the data sets that can be had by name, and where each of them is now."""
    table = Table(show_lines=True)
    for heading in ("Name", "What", "Terms", "Size", "Here"):
        table.add_column(heading, overflow="fold")
    for known in (*KNOWN, MSLR, OPEN_BANDIT):
        size = f"{known.size_bytes / 1e6:.0f} MB"
        table.add_row(known.name, known.description, known.licence, size, _place(known, cache))
    Console().print(table)


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(help="A name that 'shortlist data list' shows.")],
    *,
    cache: _Cache = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch it even if it is here.")] = False,
) -> None:
    """Fetch a data set into the cache, check it, and say on which terms it may be used."""
    if name == MSLR.name:
        lists = load_mslr()
        print(
            f"{name}: in {shared_folder(name)}; {len(lists.offsets) - 1:,} queries, {len(lists.grade):,} graded pages"
        )
        print(f"Terms: {MSLR.licence}")
        print(f"Published at {MSLR.official}")
        return
    if name == OPEN_BANDIT.name:
        with download_progress() as progress:
            logs = load_open_bandit(progress=progress)
        print(f"{name}: {len(logs.random):,} rows of a random policy, {len(logs.bts):,} of Thompson sampling")
        print(f"Terms: {OPEN_BANDIT.licence}")
        print(f"Published at {OPEN_BANDIT.official}")
        return
    known = next((entry for entry in KNOWN if entry.name == name), None)
    if known is None:
        raise NotFound(
            f"there is no data set {name!r}", where="NAME", fix=f"use one of {', '.join(k.name for k in KNOWN)}"
        )
    folder = (cache or cache_folder()) / known.name
    dataset = None if again else read_shared(known)
    if dataset is not None:
        print(f"{known.name}: already in {shared_folder(known.name)}")
    else:
        dataset = _from_cache(known, cache, folder, again=again)
        for table in ("items", "users", "interactions", "judgements"):
            print(f"  sha256 {fetch.sha256_of(folder / f'{table}.parquet')}  {table}.parquet")
    print(
        f"{dataset.items.height:,} items, {dataset.users.height:,} users, "
        f"{dataset.interactions.height:,} interactions, {dataset.judgements.height:,} judgements"
    )
    print(f"Terms: {dataset.licence}")
    print(f"Published at {known.official}")


def _from_cache(known: KnownDataset, cache: Path | None, folder: Path, *, again: bool) -> Dataset:
    dataset = None if again else _cached(folder)
    if dataset is not None:
        print(f"{known.name}: already in {folder}, checksums hold")
        return dataset
    with download_progress() as progress:
        dataset = fetch_known(known, cache=cache, progress=progress)
    print(f"{known.name}: fetched and checked, kept in {folder}")
    return dataset


def _cached(folder: Path) -> Dataset | None:
    try:
        return load_dataset(folder)
    except DataError as error:
        print(f"{error.what}: it is fetched again")
        return None


def _place(known: KnownDataset, cache: Path | None) -> str:
    shared = shared_folder(known.name)
    if shared is not None:
        return str(shared)
    folder = (cache or cache_folder()) / known.name
    return str(folder) if folder.is_dir() and any(folder.iterdir()) else "no"
