"""``shortlist index``: which vector index to take for vectors at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import faiss
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from shortlist.cli.frontier_plot import frontier_plot
from shortlist.cli.limits import LARGEST
from shortlist.core.arrays import Array
from shortlist.core.errors import DataError
from shortlist.core.randomness import generator
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.tune import Tuned
from shortlist.retrieval.index.tune import tune as tune_index

__all__ = ["app"]

app = typer.Typer(help="The vector index: which one, and how hard it should look.", no_args_is_help=True)

_QUERIES = 1_000


@app.callback()
def about() -> None:
    """The vector index: which one, and how hard it should look."""


@app.command()
def tune(
    vectors: Annotated[Path, typer.Option(help="An .npy file, one vector a row.")],
    queries: Annotated[
        Path | None, typer.Option(help="An .npy file of queries like those that will come; without, vectors are drawn.")
    ] = None,
    recall: Annotated[float, typer.Option(help="Share of the true best that must be found.")] = 0.95,
    k: Annotated[int, typer.Option(help="How many a search asks for.", min=1)] = 200,
    metric: Annotated[Metric, typer.Option(help="What near means.")] = Metric.DOT,
    plot: Annotated[Path, typer.Option(help="Receives the frontier of recall and time.")] = Path("frontier.svg"),
    save: Annotated[Path | None, typer.Option(help="Folder that receives the chosen index.")] = None,
    seed: Annotated[int, typer.Option(help="Draws and splits the queries.", min=0, max=LARGEST)] = 0,
) -> None:
    """Sweep the indexes over your own vectors and pick the fastest that meets a recall on queries held out."""
    console = Console()
    items = _read(vectors)
    asked = _read(queries) if queries is not None else _drawn(items, seed)
    if queries is None:
        console.print("No queries were given: vectors are drawn instead. Where queries come from elsewhere, as users'")
        console.print("vectors do, an index can do much worse on them: give --queries.")
    faiss.omp_set_num_threads(1)
    with console.status("exact search") as status:
        tuned = tune_index(items, asked, recall=recall, k=k, metric=metric, rng=seed, progress=status.update)
    console.print(_table(tuned))
    pick = tuned.pick
    console.print(
        f"Take {pick.name} with effort {pick.effort}: recall@{tuned.k} {pick.recall:.4f}, lower limit {pick.low:.4f}, "
        f"on {tuned.n_held_out} held-out queries; median {pick.p50_ms:.3f} ms a query on one thread."
    )
    plot.write_text(frontier_plot(tuned))
    console.print(f"Frontier: {plot}")
    if save is not None:
        pick.index.effort = pick.effort
        pick.index.save(save)
        console.print(f"Index: {save}")


def _read(path: Path) -> Array:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError):
        raise DataError(
            "the file is missing or holds no array", where=str(path), fix="write it with numpy.save"
        ) from None


def _drawn(items: Array, seed: int) -> Array:
    if items.ndim != 2:
        return items
    return items[generator(seed).choice(len(items), min(_QUERIES, len(items)), replace=False)]


def _table(tuned: Tuned) -> Table:
    table = Table(
        title=f"The frontier at recall@{tuned.k}, target {tuned.target:g}, chosen by {tuned.n_chosen_by} queries",
        caption="effort: cells visited (IVF, ScaNN), candidates kept (HNSW)",
    )
    for heading in ("index", "effort", "recall", "lower limit", "p50 ms", "build s"):
        table.add_column(heading, justify="left" if heading == "index" else "right", overflow="fold")
    for s in tuned.frontier:
        row = (s.name, str(s.effort), f"{s.recall:.4f}", f"{s.low:.4f}", f"{s.p50_ms:.3f}", f"{s.build_s:.1f}")
        table.add_row(*row, style="bold" if s.low >= tuned.target else "")
    return table
