"""``shortlist demo``: MovieLens-100K as a title store, with simulated campaigns, from nothing to a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.campaigns_file import read_campaigns
from shortlist.bidding.tables import open_market
from shortlist.cli.evaluate import print_report
from shortlist.cli.lessons import prepare_sheets
from shortlist.cli.limits import LARGEST
from shortlist.cli.progress import progress_bars
from shortlist.cli.serve import serve
from shortlist.datasets.load import load
from shortlist.releases.active import activate, active_release, active_version
from shortlist.releases.release import Release
from shortlist.simulation.market import simulate_market
from shortlist.training.ad_log import read_ad_log

__all__ = ["demo", "prepare"]


def demo(
    *,
    state: Annotated[Path, typer.Option(help="Folder for releases, logs and campaigns.")] = Path("state"),
    port: Annotated[int | None, typer.Option(help="TCP port; 8000 unless the settings say otherwise.")] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Prepare and print the figures, then leave.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the simulated market and of training.", min=0, max=LARGEST)] = 0,
) -> None:
    """Fetch MovieLens-100K, simulate campaigns, train, print the evaluation, serve. A second run starts at once."""
    release = prepare(state, seed=seed)
    print_report(release)
    if not no_serve:
        serve(state=state, port=port)


def prepare(state: Path, *, seed: int = 0) -> Release:
    """The active release of a state folder; where there is none, everything that it takes to make one."""
    releases = state / "releases"
    if active_version(releases) is not None:
        return active_release(releases)
    from shortlist.training.release import train_release  # needs torch, which takes seconds to import

    console = Console(stderr=True)
    with progress_bars() as progress:
        dataset = load("movielens", progress=progress)
        simulate_market(dataset, state, rng=seed, progress=progress)
        log = read_ad_log(state / "ad_log.parquet")
        release = train_release(dataset, releases, ads_log=log, seed=seed, progress=progress)
    console.print(f"Data: {dataset.licence}", style="dim")
    console.print("Campaigns, bids and advertisement clicks are simulated.", style="dim")
    market = open_market(state / "market.sqlite")
    CampaignStore(market).create_many(read_campaigns(state / "campaigns.json"))
    market.dispose()
    activate(releases, release.version)
    prepare_sheets(state, seed=seed)
    return release
