"""``shortlist off-policy``: what other policies would have earned, from a log of lists and their propensities."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shortlist.cli.limits import LARGEST
from shortlist.training.list_log import read_list_log, read_policies
from shortlist.training.off_policy import CONTROLS, REFITTED, LiftEstimate, LogVerdict, PolicyJudge

__all__ = ["off_policy", "print_verdict"]

_WIDTH = 150
_SHOWN = ("DR", REFITTED, "SNIPS", "direct", "cascade IPS", *CONTROLS[:1])


def off_policy(
    log: Annotated[Path, typer.Argument(help="Parquet: a row a place of every served page.")],
    policies: Annotated[Path, typer.Argument(help="Parquet: a score a policy, context and item; the first served.")],
    *,
    refit: Annotated[int, typer.Option(help="Draws of an interval that refits the click model.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of halves and draws.", min=0, max=LARGEST)] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print all methods as one line of JSON.")] = False,
) -> None:
    """Estimate the lift in clicks of policies that did not serve, or say why it cannot be estimated."""
    table = read_policies(policies)
    lists = read_list_log(log, table)
    verdict = PolicyJudge(table, lists.shown.shape[1]).judge(lists, refit_draws=refit, rng=seed)
    if json:
        print(msgspec.json.encode(verdict).decode())
    else:
        print_verdict(table.names[0], verdict)


def print_verdict(served: str, verdict: LogVerdict, *, console: Console | None = None) -> None:
    """Print a row a policy.

    Args:
        served: the policy that the log is of.
        verdict: what the log says.
        console: where to.
    """
    out = console or Console(width=None if sys.stdout.isatty() else _WIDTH)
    by: dict[str, dict[str, LiftEstimate]] = {}
    for row in verdict.estimates:
        by.setdefault(row.policy, {})[row.method] = row
    methods = [name for name in _SHOWN if any(name in rows for rows in by.values())]
    table = Table(
        title=f"lift in clicks a page over {escape(repr(served))}, from its {verdict.lists:,} pages",
        caption=f"in brackets: 95% intervals; {CONTROLS[0]!r} ignores places and is shown because it misleads",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("policy")
    for method in methods:
        table.add_column(method, justify="right")
    table.add_column("pages are worth", justify="right")
    for policy, rows in by.items():
        table.add_row(
            escape(policy), *(_cell(rows[method]) for method in methods), f"{rows['DR'].effective_rows or 0.0:,.0f}"
        )
    out.print(table)
    for policy, rows in by.items():
        if rows["DR"].abstains:
            out.print(f"{policy}: no estimate, because {rows['DR'].abstains}", markup=False, highlight=False)
    reading = verdict.reading
    if reading is None:
        out.print("test of reading: a list of one place is read in one way", highlight=False)
        return
    if reading.rejected:
        says = "users stop at what they clicked: estimates that weigh a place by what stands there alone are biased"
    elif reading.together:
        says = (
            "no sign that users stop; clicks come together on a page more than the click model says, as unlike users "
            "or contexts make them, which by itself does not bias weighing a place by what stands there alone"
        )
    else:
        says = "nothing speaks against weighing a place by what stands there alone"
    out.print(f"test of reading: z {reading.z:+.2f}, p {reading.p_value:.2g}; {says}", highlight=False)


def _cell(row: LiftEstimate) -> str:
    if row.lift is None or row.low is None or row.high is None:
        return "abstains"
    return f"{row.lift:+.1%} \\[{row.low:+.1%}, {row.high:+.1%}]"
