"""``shortlist rehearse``: offline estimates against simulated experiments, with gates and controls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from shortlist.cli.limits import LARGEST
from shortlist.cli.progress import progress_bars
from shortlist.datasets.load import load
from shortlist.rehearsal.plan import RehearsalPlan
from shortlist.rehearsal.rehearse import PAGE_FILE, REPORT_FILE, rehearse
from shortlist.rehearsal.report import RehearsalReport
from shortlist.rehearsal.scores import Check
from shortlist.simulation.log_shape import LogShape

__all__ = ["print_rehearsal", "rehearse_command"]

_WIDTH = 150


def rehearse_command(
    *,
    out: Annotated[Path, typer.Option(help="Folder that receives the report and its tables.")] = Path("rehearsal"),
    quick: Annotated[bool, typer.Option("--quick", help="100 logs instead of 400, and smaller ones.")] = False,
    data: Annotated[str | None, typer.Option(help="A data set whose rates, popularity and lists to imitate.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same report.", min=0, max=LARGEST)] = 0,
) -> None:
    """Rehearse offline evaluation in simulated worlds: estimates, hashed; then experiments. Exit 1 if a gate fails."""
    shape = LogShape.invent() if data is None else LogShape.of_dataset(load(data))
    plan = RehearsalPlan.quick(seed) if quick else RehearsalPlan.full(seed)
    with progress_bars() as progress:
        report = rehearse(plan, shape, out, progress=progress)
    print_rehearsal(report)
    print(f"{out / PAGE_FILE}\n{out / REPORT_FILE}")
    raise typer.Exit(0 if report.passed else 1)


def print_rehearsal(report: RehearsalReport, *, console: Console | None = None) -> None:
    """Print the gates, the controls and the gated method in every world.

    Args:
        report: what was found.
        console: where to.
    """
    screen = console or Console(width=None if sys.stdout.isatty() else _WIDTH)
    plan = report.plan
    screen.print(_checks(f"SIMULATED: five gates for {plan.gated}", report.gates))
    screen.print(_checks("SIMULATED: controls that must fail, or must be noticed", report.controls))
    table = Table(title="SIMULATED: methods by world", title_justify="left")
    for column in (
        "world",
        "method",
        "answered",
        "coverage \\[99%]",
        "bias",
        "error / A/B",
        "sign right",
        "τ",
        "regret",
    ):
        table.add_column(column, justify="left" if column in {"world", "method"} else "right")
    for one in report.scores:
        coverage = one.coverage
        table.add_row(
            one.world,
            one.method,
            f"{one.answered:,} of {one.answered + one.abstained:,}",
            f"{coverage.value:.3f} \\[{coverage.low:.3f}, {coverage.high:.3f}]" if coverage else "-",
            "-" if one.bias is None else f"{one.bias:+.2%}",
            _number(one.error, 2),
            _number(one.sign, 3),
            _number(one.rank.value if one.rank else None, 2),
            _number(one.regret, 4),
        )
    screen.print(table)
    screen.print(_checks("SIMULATED: what else the worlds show", report.demonstrations.checks))
    screen.print(f"estimates {report.estimates_sha256}, hashed before the experiments", highlight=False)


def _checks(title: str, checks: tuple[Check, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("what", "world", "found", "asked", "kept"):
        table.add_column(column, justify="right" if column == "found" else "left")
    for one in checks:
        digits = 4 if one.found is not None and abs(one.found) < 0.02 else 3
        seen = one.found_range
        between = f" \\[{seen.low:.{digits}f}, {seen.high:.{digits}f}]" if seen else ""
        kept = "yes" if one.passed else "[bold red]NO[/bold red]"
        table.add_row(one.name, one.world, _number(one.found, digits) + between, one.asked, kept)
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
