"""``shortlist uplift``: whom to show it to, from a log in which a coin decided who was shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from shortlist.cli.limits import LARGEST
from shortlist.evaluation.bootstrap import Interval
from shortlist.training.uplift import CLICK, UpliftVerdict, judge_uplift
from shortlist.training.uplift_log import read_uplift_log

__all__ = ["print_uplift", "uplift"]

_WIDTH = 130


def uplift(
    log: Annotated[
        Path, typer.Argument(help="Parquet: user, shown, place, click, converted, and feature_... columns.")
    ],
    *,
    seed: Annotated[int, typer.Option(help="Of halves, folds and draws.", min=0, max=LARGEST)] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one line of JSON.")] = False,
) -> None:
    """Compare click probability with T-, X- and DR-learners of the effect on conversions, by Qini."""
    verdict, _ = judge_uplift(read_uplift_log(log), rng=seed)
    if json:
        print(msgspec.json.encode(verdict).decode())
    else:
        print_uplift(verdict)


def print_uplift(verdict: UpliftVerdict, *, console: Console | None = None) -> None:
    """Print a row a method.

    Args:
        verdict: the figures.
        console: where to.
    """
    out = console or Console(width=None if sys.stdout.isatty() else _WIDTH)
    table = Table(
        title=f"whom to show it to: learned from {verdict.learned:,} rows, judged on {verdict.judged:,}; shown to "
        f"{verdict.chance:.1%}, conversions {1_000 * verdict.average:+.2f} in a thousand on average",
        caption="conversions in a thousand; in brackets: 95% intervals by user",
        title_justify="left",
        caption_justify="left",
    )
    for column in ("ranked by", "Qini", "AUUC", "Qini less that of P(click | shown)"):
        table.add_column(column, justify="left" if column == "ranked by" else "right")
    for one in verdict.scores:
        table.add_row(one.method, _cell(one.qini), _cell(one.auuc), _cell(one.more) if one.method != CLICK else "-")
    out.print(table)


def _cell(one: Interval) -> str:
    return f"{1_000 * one.estimate:+.2f} \\[{1_000 * one.low:+.2f}, {1_000 * one.high:+.2f}]"
