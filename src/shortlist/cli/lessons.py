"""``shortlist lessons``: the course without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortlist.app.workbench import workbench
from shortlist.cli.progress import progress_bars
from shortlist.core.clock import SystemClock
from shortlist.lessons.export import export_lessons

__all__ = ["app"]

app = typer.Typer(help="The course whose widgets run the engine.", no_args_is_help=True)


@app.callback()
def lessons() -> None:
    """The course whose widgets run the engine."""


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; new, empty, or an earlier copy.")],
    *,
    state: Annotated[Path, typer.Option(help="Folder of releases, logs and campaigns.")] = Path("state"),
) -> None:
    """Write the lessons as a static site, every widget's states computed by the active release."""
    with workbench(state) as engine, progress_bars() as progress:
        count = export_lessons(engine, folder, made_us=SystemClock().now_us(), progress=progress)
    print(f"{count} files in {folder}; open {folder / 'index.html'}")
