"""``shortlist log``: the log as Parquet, what conversions are credited to, and forgetting a user."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table

from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError, SettingsError
from shortlist.core.money import format_micros
from shortlist.events.attribution import AttributionRule, attribute_conversions, credits_by_place
from shortlist.events.database import open_database
from shortlist.events.export import export_log
from shortlist.events.group_commit import GroupCommit
from shortlist.events.pseudonyms import forget_user
from shortlist.events.read import read_events, read_slots
from shortlist.events.tables import LOG

__all__ = ["app"]

app = typer.Typer(help="The log of served pages and events.", no_args_is_help=True)

_WIDTH = 130
_WINDOW_AT_MOST_US = 3_650 * 24 * HOUR_US

_State = Annotated[Path, typer.Option(help="Folder of releases, logs and campaigns.")]


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write; files of an earlier export are replaced.")],
    *,
    state: _State = Path("state"),
) -> None:
    """Write pages, slots, scored candidates and events as Parquet, a file an hour."""
    database = _open(state)
    for written in export_log(database, folder):
        print(f"{written.table:<8} {written.rows:>9,} rows in {written.files:,} files")
    database.dispose()


@app.command("attribute")
def attribute(
    file: Annotated[Path | None, typer.Argument(help="Parquet to write, a row a conversion.")] = None,
    *,
    click_days: Annotated[float, typer.Option(help="How long before it a click may lie.", min=0)] = 7.0,
    view_hours: Annotated[float | None, typer.Option(help="The same of a view; not credited if left out.")] = None,
    state: _State = Path("state"),
) -> None:
    """Credit each conversion to the last click of the same visitor on the same item, or else to a last view."""
    views = None if view_hours is None else _window_us("view-hours", view_hours, HOUR_US)
    rule = AttributionRule(click_window_us=_window_us("click-days", click_days, 24 * HOUR_US), view_window_us=views)
    database = _open(state)
    attributed = attribute_conversions(read_events(database), read_slots(database), rule)
    database.dispose()
    if file is not None:
        try:
            attributed.write_parquet(file)
        except OSError as error:
            raise DataError(
                f"the file cannot be written: {error}", where=str(file), fix="name one in a folder you may write"
            ) from None
    _print_credits(attributed)


def _window_us(option: str, length: float, unit_us: int) -> int:
    if not 0.0 <= length * unit_us <= _WINDOW_AT_MOST_US:
        most = _WINDOW_AT_MOST_US // unit_us
        raise SettingsError(f"{length:g} is no window", where=f"--{option}", fix=f"give a number from 0 to {most:,}")
    return round(length * unit_us)


@app.command("forget")
def forget(
    user: Annotated[int, typer.Argument(min=0, help="Catalogue key of the user.")],
    *,
    state: _State = Path("state"),
) -> None:
    """Destroy what ties a user to the log: the log stays, and nobody can say any more whose it was."""
    database = _open(state)
    writer = GroupCommit(database)
    known = forget_user(database, writer, user)
    writer.close()
    database.dispose()
    print(f"user {user} is forgotten" if known else f"the log knows no user {user}")


def _print_credits(attributed: pl.DataFrame) -> None:
    none = attributed["credited"].is_null().sum()
    table = Table(title=f"{len(attributed):,} conversions, {none:,} of them credited to nothing", title_justify="left")
    for column in ("surface", "block", "campaign", "by click", "by view", "value"):
        table.add_column(column, justify="left" if column in {"surface", "block"} else "right")
    for row in credits_by_place(attributed).filter(pl.col("surface").is_not_null()).iter_rows(named=True):
        campaign = "" if row["campaign"] is None else str(row["campaign"])
        value = "" if row["currency"] is None else format_micros(row["value_micros"], row["currency"])
        table.add_row(row["surface"], row["block"], campaign, f"{row['by_click']:,}", f"{row['by_view']:,}", value)
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def _open(state: Path) -> sa.Engine:
    path = state / "events.sqlite"
    if not path.exists():
        raise DataError("there is no log", where=str(path), fix="name the state folder of a server with --state")
    return open_database(path, LOG)
