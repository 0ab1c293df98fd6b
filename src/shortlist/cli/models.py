"""``shortlist models``: the rankers beside each other on a data set's own rows."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from shortlist.cli.limits import LARGEST
from shortlist.cli.progress import progress_bars
from shortlist.datasets.load import load
from shortlist.learning.learning_curve import LearningCurve
from shortlist.training.comparison import CANDIDATES, Comparison

__all__ = ["models", "print_comparison"]

_WIDTH = 150
_BLOCKS = "▁▂▃▄▅▆▇█"
_POINTS = 24


def models(
    *,
    data: Annotated[str, typer.Option(help="A data set's name, or a folder of your own tables.")] = "movielens",
    seed: Annotated[int, typer.Option(help="Of weights, draws and batches.", min=0, max=LARGEST)] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one line of JSON.")] = False,
) -> None:
    """Train all rankers, from LR to PLE and boosted trees, on the same rows and compare them on later ones."""
    from shortlist.training.compare_models import compare_models  # needs torch, which takes seconds to import

    with progress_bars() as progress:
        compared = compare_models(load(data, progress=progress), seed=seed, progress=progress)
    if json:
        print(msgspec.json.encode(compared).decode())
    else:
        print_comparison(compared)


def print_comparison(compared: Comparison, *, console: Console | None = None) -> None:
    """Print the table, best NDCG first, with each validation loss as a line of blocks.

    Args:
        compared: the figures.
        console: where to.
    """
    out = console or Console(width=None if sys.stdout.isatty() else _WIDTH)
    table = Table(
        title=f"rankers on {compared.dataset}: {compared.learned:,} rows learned from, judged on {compared.judged:,} "
        f"later rows of {compared.requests:,} requests",
        caption="in brackets: 95% intervals by user; probabilities as the model gives them, with the thinning of "
        "negatives undone, before any calibrator; each model with its defaults",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("model")
    for column in (
        "NDCG@10",
        "AUC",
        "log-loss",
        "calib. error",
        "rows/s",
        f"ms / {CANDIDATES}",
        "parameters",
        "KiB",
        "validation loss",
    ):
        table.add_column(column, justify="right" if column != "validation loss" else "left")
    for one in compared.models:
        table.add_row(
            one.model,
            f"{one.ndcg:.4f} \\[{one.ndcg_low:.4f}, {one.ndcg_high:.4f}]",
            f"{one.auc:.4f}",
            f"{one.log_loss:.5f}",
            f"{one.calibration_error:+.5f}",
            f"{one.rows_a_second:,.0f}",
            f"{one.ms:.2f}",
            f"{one.parameters:,}",
            f"{one.bytes / 1024:,.0f}",
            _line(one.curve),
        )
    out.print(table)


def _line(curve: LearningCurve) -> str:
    """The validation losses from the first to the last, low blocks for low losses, and the best one's number."""
    n = len(curve.validation)
    shown = [curve.validation[k * n // min(n, _POINTS)] for k in range(min(n, _POINTS))]
    low, span = min(shown), max(max(shown) - min(shown), 1e-12)
    blocks = "".join(_BLOCKS[round((loss - low) / span * (len(_BLOCKS) - 1))] for loss in shown)
    return f"{blocks} best {curve.best} of {n}"
