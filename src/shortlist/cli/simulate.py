"""``shortlist simulate``: a simulated market of advertisers and clicks over a real catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from shortlist.cli.limits import LARGEST
from shortlist.datasets.load import load
from shortlist.simulation.market import CAMPAIGNS_FILE, LOG_FILE, simulate_market

__all__ = ["simulate"]


def simulate(
    data: Annotated[str, typer.Option(help="A data set's name, or a folder of your own tables.")] = "movielens",
    state: Annotated[Path, typer.Option(help="Folder that receives the campaigns and the log.")] = Path("state"),
    seed: Annotated[int, typer.Option(help="The same seed writes the same files.", min=0, max=LARGEST)] = 0,
    pages: Annotated[int, typer.Option(help="Search pages to simulate.", min=1)] = 100_000,
) -> None:
    """Simulate advertisers, queries and clicks over the items of a data set; nothing of it is real but the items."""
    console = Console()
    dataset = load(data)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("simulated pages", total=None)
        market = simulate_market(
            dataset,
            state,
            pages=pages,
            rng=seed,
            progress=lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
        )
    clicks = int(market.log["click"].sum())
    console.print(
        f"{len(market.campaigns)} simulated campaigns: {state / CAMPAIGNS_FILE}\n"
        f"{len(market.log):,} simulated impressions, {clicks:,} simulated clicks: {state / LOG_FILE}"
    )
