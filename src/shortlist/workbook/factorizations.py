"""Lesson 2's sheet of factorizations: a grid of widths and regularisations, on a cut of the release's log."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.errors import NotFound
from shortlist.core.request import Request, RequestBatch
from shortlist.evaluation.last_positives import last_positives
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall
from shortlist.funnel.engine import Engine
from shortlist.learning.als import als_item_factors
from shortlist.lessons.candidate_generation.factors import FACTORS, REGULARIZATIONS, Cell, FactorsSheet
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.item_neighbours import liked_matrix
from shortlist.training.evaluate import HISTORY_FILE

__all__ = ["CONFIDENCE", "ITERATIONS", "USERS_AT_MOST", "ask", "make_factors"]

CONFIDENCE = 10.0
ITERATIONS = 6
USERS_AT_MOST = 200
_RECALL_AT, _NDCG_AT = 50, 10


def make_factors(engine: Engine, seed: int, progress: Callable[[str, int, int], None]) -> FactorsSheet:
    """Fit the grid on all but each user's last fifth of likes, and ask for both parts.

    Such a cut leaks what others did later (``evaluation.last_positives``), to all factorizations alike: it serves to
    compare them with each other.

    Raises:
        NotFound: the log has no user with enough likes to hold some out.
    """
    interactions = pl.read_parquet(engine.release.folder / HISTORY_FILE)
    learned, held_out = last_positives(interactions)
    users = held_out["user"].unique().sort()
    if not len(users):
        raise NotFound("no user has enough likes to hold some out", where=HISTORY_FILE, fix="train on a longer log")
    users = users.sample(min(len(users), USERS_AT_MOST), seed=seed).sort()
    before, later = _lists(learned, users), _lists(held_out, users)
    batch = RequestBatch.of(*(Request(str(user), k=_RECALL_AT, at_us=0, user=user) for user in users.to_list()))
    liked = liked_matrix(learned, engine.catalogue)
    rows: list[tuple[Cell, ...]] = []
    for weight in REGULARIZATIONS:
        cells: list[Cell] = []
        for width in FACTORS:
            progress("lesson 2: factors", len(rows) * len(FACTORS) + len(cells), len(REGULARIZATIONS) * len(FACTORS))
            with threadpool_limits(1, "blas"):
                factor = als_item_factors(
                    liked,
                    factors=width,
                    confidence=CONFIDENCE,
                    regularization=float(weight),
                    iterations=ITERATIONS,
                    seed=seed,
                )
            source = AlsSource(
                engine.catalogue, factor, confidence=CONFIDENCE, regularization=float(weight), limit=_RECALL_AT
            )
            cells.append(Cell(*ask(source, batch, before, later)))
        rows.append(tuple(cells))
    progress("lesson 2: factors", len(REGULARIZATIONS) * len(FACTORS), len(REGULARIZATIONS) * len(FACTORS))
    return FactorsSheet(
        release=engine.release.version, seed=seed, cells=tuple(rows), users=len(users), confidence=CONFIDENCE
    )


def ask(
    source: AlsSource, batch: RequestBatch, before: Ragged, later: Ragged
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Recall@50 and NDCG@10: of the likes a source was fitted on, and of later ones.

    Args:
        source: to be asked.
        batch: a request a user, about which nothing is known yet.
        before: the likes that it learned from; they are the history of both askings, and left out of the second.
        later: the likes that were held out.
    """
    again = source.retrieve(batch.with_history(before, batch.seen))
    new = source.retrieve(batch.with_history(before, before))
    return _judged(again, before), _judged(new, later)


def _judged(found: Candidates, wanted: Ragged) -> tuple[float, ...]:
    score, offsets = found.source_score[:, 0], found.request_offsets
    hit = wanted.contains(found.request_index, found.item)
    ideal = Ragged(np.ones(len(wanted.values), dtype=np.int64), wanted.offsets)
    share = recall(score, hit, found.item, offsets, n_relevant=wanted.lengths, k=_RECALL_AT)
    gain = ndcg(score, hit.astype(np.int64), found.item, offsets, ideal=ideal, k=_NDCG_AT)
    return float(np.nanmean(share)), float(np.nanmean(gain))


def _lists(table: pl.DataFrame, users: pl.Series) -> Ragged:
    """Each user's items, oldest first, without repeats."""
    items = dict(
        table.group_by("user", maintain_order=True).agg(pl.col("item").unique(maintain_order=True)).iter_rows()
    )
    return Ragged.from_lists([items.get(user, []) for user in users.to_list()])
