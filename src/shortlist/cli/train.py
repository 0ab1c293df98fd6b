"""``shortlist train``: a data set in, a release out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shortlist.cli.evaluate import print_report
from shortlist.cli.limits import LARGEST
from shortlist.cli.progress import progress_bars
from shortlist.core.settings import load_settings
from shortlist.datasets.load import load
from shortlist.releases.active import activate
from shortlist.training.ad_log import read_ad_log
from shortlist.training.report import stored_report

__all__ = ["train"]


def train(
    *,
    data: Annotated[str, typer.Option(help="A data set's name, or a folder of your own tables.")] = "movielens",
    state: Annotated[Path, typer.Option(help="Folder that holds the releases.")] = Path("state"),
    version: Annotated[str | None, typer.Option(help="Name of the new release; the time where not given.")] = None,
    ads_log: Annotated[
        Path | None, typer.Option(help="Advertisement impressions to learn p_click_1 from, as Parquet.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(help="The settings file that the feed will be served with."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and data give the same models.", min=0, max=LARGEST)] = 0,
    no_activate: Annotated[bool, typer.Option("--no-activate", help="Leave the active release as it is.")] = False,
) -> None:
    """Fit retrieval, ranker and calibrator on a global time split, judge them on later requests, write a release."""
    from shortlist.training.release import train_release  # needs torch, which takes seconds to import

    console = Console()
    knobs = load_settings(settings)
    log = read_ad_log(ads_log) if ads_log is not None else None
    with progress_bars() as progress:
        dataset = load(data, progress=progress)
        release = train_release(
            dataset,
            state / "releases",
            version=version,
            ads_log=log,
            settings=knobs.feed,
            seed=seed,
            progress=progress,
        )
    console.print(f"Data: {dataset.licence}", style="dim")
    report = stored_report(release)
    active = not no_activate and report.fit_to_serve
    if active:
        activate(state / "releases", release.version)
    print_report(release, report)
    console.print(f"\nrelease {release.version}{' (active)' if active else ''}: {release.folder}")
    if not report.fit_to_serve:
        how = f"shortlist releases activate {release.version} --state {state}"
        why = f"not made active, for a plainer order is better than the ranker's; to serve it all the same: {how}"
        console.print(why, style="bold red", soft_wrap=True, highlight=False)
