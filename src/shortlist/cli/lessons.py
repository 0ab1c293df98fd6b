"""``shortlist lessons``: the course without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortlist.app.workbench import workbench
from shortlist.cli.limits import LARGEST
from shortlist.cli.progress import progress_bars
from shortlist.core.clock import SystemClock
from shortlist.core.errors import NotFound
from shortlist.lessons.export import export_lessons

__all__ = ["app", "prepare_sheets"]

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


@app.command("prepare")
def prepare(
    *,
    state: Annotated[Path, typer.Option(help="Folder of releases, logs and campaigns.")] = Path("state"),
    again: Annotated[bool, typer.Option("--again", help="Make those anew that are there.")] = False,
    seed: Annotated[int, typer.Option(help="Of whatever is drawn.", min=0, max=LARGEST)] = 0,
) -> None:
    """Work out what the widgets look up instead of computing: trainings, sweeps and planted worlds."""
    for line in prepare_sheets(state, again=again, seed=seed):
        print(line)


def prepare_sheets(state: Path, *, again: bool = False, seed: int = 0) -> list[str]:
    """Prepare the active release's sheets; a line a sheet for people."""
    from shortlist.workbook.prepare import prepare as prepared  # trains, so it is slow to import

    with workbench(state) as engine, progress_bars() as progress:
        made = list(prepared(engine, again=again, seed=seed, progress=progress))
    return [f"left out: {each}" if isinstance(each, NotFound) else str(each) for each in made]
