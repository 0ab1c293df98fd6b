"""``shortlist evaluate``: a release judged stage by stage, beside baselines on the same rows."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from shortlist.cli.progress import progress_bars
from shortlist.core.clock import HOUR_US
from shortlist.evaluation.drift import DriftReport
from shortlist.evaluation.reliability import ReliabilityBin
from shortlist.releases.active import active_release, find_release
from shortlist.releases.release import Release
from shortlist.training.ads import AdReport
from shortlist.training.report import Figure, Report, Stage, stored_report

__all__ = ["evaluate", "print_report"]

_MARK = "*"
"""Beside a row of a reliability table whose interval excludes what was predicted."""
_WIDTH = 120
"""Columns of a table that goes into a file."""


def evaluate(
    *,
    state: Annotated[Path, typer.Option(help="Folder that holds the releases.")] = Path("state"),
    version: Annotated[str | None, typer.Option(help="Which release; the active one where not given.")] = None,
    stored: Annotated[bool, typer.Option("--stored", help="Print what training found; compute nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
) -> None:
    """Run the test window's requests through a release and print recall, NDCG, AUC, log-loss and calibration."""
    releases = state / "releases"
    release = find_release(releases, version) if version is not None else active_release(releases)
    if stored:
        report = stored_report(release)
    else:
        from shortlist.training.evaluate import evaluate_release  # fits the baselines, so it needs torch

        with progress_bars() as progress:
            report = evaluate_release(release, progress=progress)
    if json:
        print(msgspec.json.encode(report).decode())
    else:
        print_report(release, report)


def print_report(release: Release, report: Report | None = None, *, console: Console | None = None) -> None:
    """Print a report, a table a stage.

    Args:
        release: whose it is.
        report: the one that training stored where it is not given.
        console: where to.
    """
    shown = report or stored_report(release)
    out = console or Console(width=None if sys.stdout.isatty() else _WIDTH)
    out.print(f"\n[bold]release {shown.release}[/bold], data {shown.dataset}")
    if shown.split is not None:
        out.print(
            f"global time split: sources and item tables up to {_day(shown.split.calibration)}, calibration up to "
            f"{_day(shown.split.test)}, judged on {shown.requests:,} requests of {shown.users:,} users after that; "
            "in brackets: 95% intervals by user"
        )
    else:
        out.print("this data set has no users, so there is no feed to judge")
    for warning in shown.warnings:
        out.print(f"WARNING: {warning}", style="bold red", markup=False, highlight=False)
    for stage in shown.stages:
        out.print(_table(stage))
    if shown.probability is not None:
        out.print(f"[bold]p_like[/bold] = {shown.probability.of}\nnegatives: {shown.probability.negatives}\n")
        out.print(_bins("p_like by decile of the prediction", "decile", shown.probability.deciles))
    if shown.ads is not None:
        _print_ads(out, shown.ads)


def _table(stage: Stage) -> Table:
    columns = list(dict.fromkeys(figure.what for figure in stage.figures))
    table = Table(title=stage.title, caption=stage.note, title_justify="left", caption_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    by_line: dict[str, dict[str, Figure]] = {}
    for figure in stage.figures:
        by_line.setdefault(figure.who, {})[figure.what] = figure
    for who, figures in by_line.items():
        table.add_row(who, *(_cell(figures.get(column)) for column in columns))
    return table


def _cell(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} \\[{figure.low:.4f}, {figure.high:.4f}]"


def _bins(title: str, first: str, bins: Sequence[ReliabilityBin]) -> Table:
    away = sum(not one.agrees for one in bins)
    caption = (
        f"{_MARK} the interval excludes the prediction: {away} of {len(bins)}; by chance 1 of 20 would"
        if away
        else None
    )
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for column in (first, "rows", "predicted", "observed", "95% interval", "predicted / observed"):
        table.add_column(column, justify="right")
    for number, one in enumerate(bins, start=1):
        ratio = f"{one.predicted / one.observed:.3f}" if one.observed > 0 else "-"
        ratio += "  " if one.agrees else f" {_MARK}"
        interval = f"{one.low:.5f} to {one.high:.5f}"
        table.add_row(str(number), f"{one.n:,}", f"{one.predicted:.5f}", f"{one.observed:.5f}", interval, ratio)
    return table


def _print_ads(out: Console, ads: AdReport) -> None:
    what = "simulated clicks" if ads.simulated else "clicks"
    ratio = ads.predicted_over_observed
    out.print(
        f"\n[bold]p_click_1[/bold] on {ads.n_test:,} later impressions, {what}: log-loss {ads.log_loss:.4f} beside "
        f"{ads.log_loss_constant:.4f} (one rate for all) and {ads.log_loss_item_rate:.4f} (a rate an item), "
        f"AUC {ads.auc:.4f}, predicted / observed {ratio.estimate:.3f} \\[{ratio.low:.3f}, {ratio.high:.3f}]"
    )
    if (gain := ads.gain_of_fields) is not None:
        out.print(
            f"shifts a campaign and match type: standard deviation {ads.field_spread:.3f} of the log odds, "
            f"log-loss lower by {gain.estimate:.5f} \\[{gain.low:.5f}, {gain.high:.5f}]"
        )
    out.print(_bins(f"alpha times p_click_1 by decile, {what}", "decile", ads.deciles))
    out.print(_bins(f"alpha times p_click_1 by slot, {what}", "slot", ads.slots))
    if ads.drift is not None:
        out.print(_days(f"alpha times p_click_1 by day, {what}", ads.drift))


def _days(title: str, drift: DriftReport) -> Table:
    first = drift.first_alarm
    verdict = "no alarm" if first is None else f"ALARM since {_day(first * 24 * HOUR_US)}"
    caption = (
        f"{verdict}; predictions within {drift.tolerance:.0%} of the odds raise one with a chance of "
        f"{drift.false_alarm:.0%} at most, over all days"
    )
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for column in ("day", "rows", "predicted", "observed", "predicted / observed", "wealth of the bets against it"):
        table.add_column(column, justify="right")
    for one in drift.windows:
        ratio = f"{one.predicted / one.observed:.3f}" if one.observed > 0 else "-"
        day = _day(one.window * 24 * HOUR_US)
        table.add_row(
            day,
            f"{one.n:,}",
            f"{one.predicted:.5f}",
            f"{one.observed:.5f}",
            ratio,
            f"{one.wealth:.3g}{' !' * one.alarm}",
        )
    return table


def _day(at_us: int) -> str:
    return dt.datetime.fromtimestamp(at_us / 1e6, tz=dt.UTC).date().isoformat()
