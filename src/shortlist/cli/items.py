"""``shortlist items``: items that the active release was not trained with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from shortlist.cli.limits import LARGEST
from shortlist.core.clock import SystemClock
from shortlist.datasets.own import read_items
from shortlist.features.added_items import AddedItems, new_items
from shortlist.features.catalogue import Catalogue
from shortlist.releases.active import active_release
from shortlist.serving.item_desk import check_new

__all__ = ["app"]

app = typer.Typer(help="Items that arrived after the release was trained.", no_args_is_help=True)

_State = Annotated[Path, typer.Option(help="Folder of releases, logs and campaigns.")]


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="A table of items: .parquet, .csv or .jsonl.")],
    *,
    state: _State = Path("state"),
) -> None:
    """Keep items beside the release; they are served from the next start on. A running server takes POST /v1/items."""
    given = new_items(read_items(file))
    check_new(given, Catalogue.load(active_release(state / "releases").folder / "catalogue.parquet"))
    with _opened(state) as items:
        new = items.add(given, SystemClock().now_us())
    print(f"{len(new)} of {len(given)} items are new")


@app.command("list")
def show(*, state: _State = Path("state")) -> None:
    """Show the items that were added."""
    with _opened(state) as items:
        for item, title in items.table().select("item", "title").iter_rows():
            print(f"{item:>12}  {title}")


@app.command("remove")
def remove(
    item: Annotated[int, typer.Argument(min=0, max=LARGEST, help="Catalogue key.")],
    *,
    state: _State = Path("state"),
) -> None:
    """Take out an item that was added, from the next start on. A running server takes POST /v1/items/KEY/remove."""
    with _opened(state) as items:
        items.remove([item])
    print(f"item {item} is taken out")


@contextmanager
def _opened(state: Path) -> Iterator[AddedItems]:
    items = AddedItems.open(state)
    try:
        yield items
    finally:
        items.close()
