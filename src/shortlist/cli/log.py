"""``shortlist log``: the log as Parquet, and forgetting a user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from shortlist.core.errors import DataError
from shortlist.events.database import open_database
from shortlist.events.export import export_log
from shortlist.events.group_commit import GroupCommit
from shortlist.events.pseudonyms import forget_user
from shortlist.events.tables import LOG

__all__ = ["app"]

app = typer.Typer(help="The log of served pages and events.", no_args_is_help=True)

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


def _open(state: Path) -> sa.Engine:
    path = state / "events.sqlite"
    if not path.exists():
        raise DataError("there is no log", where=str(path), fix="name the state folder of a server with --state")
    return open_database(path, LOG)
