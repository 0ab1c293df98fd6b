"""The weights of the relevance signals from graded queries, and what they are worth on queries they have not seen."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Bool, Float64, Int64, Ragged
from shortlist.core.candidates import merge
from shortlist.core.randomness import Rng, generator
from shortlist.core.request import Request, RequestBatch
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer, RelevanceWeights

__all__ = ["RelevanceCheck", "cross_validate", "tune"]

_CHOICES = {
    "title": (0.0, 0.25, 0.5, 1.0),
    "categories": (0.0, 0.2, 0.4),
    "affinity": (0.0, 0.2, 0.4),
    "tower": (0.05, 0.1, 0.2, 0.4),
}
"""The tower never has weight 0: a query with a typing error in each of its words is scored by nothing else."""

_GRID = tuple(
    RelevanceWeights(everything=1.0, **dict(zip(_CHOICES, chosen, strict=True)))
    for chosen in itertools.product(*_CHOICES.values())
)


@dataclass(frozen=True, slots=True, eq=False)
class RelevanceCheck:
    """NDCG@10 a query, float64 ``(Q,)`` each; NaN where no item was graded above 0.

    Attributes:
        queries: the texts.
        judged: of the judged items alone, put in order; weights tuned on the other folds' queries.
        catalogue: of the whole retrieval, where items that nobody judged count as irrelevant; likewise.
        judged_lexical: of the judged items by the lexical source's BM25 alone, which nothing was tuned for.
        catalogue_lexical: of the lexical source's own candidates in its own order.
    """

    queries: tuple[str, ...]
    judged: Float64
    catalogue: Float64
    judged_lexical: Float64
    catalogue_lexical: Float64


class _Graded:
    """Signals and grades of all that may be put in order for the graded queries."""

    def __init__(
        self, catalogue: Catalogue, lexical: LexicalSource, query_tower: QueryTowerSource, judgements: pl.DataFrame
    ) -> None:
        table = judgements.unique(["query", "item"], maintain_order=True).sort(["query", "item"])
        self.queries = tuple(table["query"].unique(maintain_order=True).to_list())
        starts = table.select(pl.col("query").rle_id())["query"].to_numpy().astype(np.int64)
        item, grade = table["item"].to_numpy(), table["grade"].to_numpy().astype(np.int64)
        offsets = np.searchsorted(starts, np.arange(len(self.queries) + 1)).astype(np.int64)
        self._ideal = Ragged(grade, offsets)
        scorer = RelevanceScorer(catalogue, lexical, query_tower)
        requests = (Request(f"graded-{n}", k=10, at_us=0, query=query) for n, query in enumerate(self.queries))
        batch = RequestBatch.of(*requests)
        found = merge([lexical.retrieve(batch), query_tower.retrieve(batch)])
        of_pair = dict(zip(zip(starts, item, strict=True), grade, strict=True))
        pairs = zip(found.request_index, found.item, strict=True)
        found_grade = np.array([of_pair.get(pair, 0) for pair in pairs], dtype=np.int64)
        self._judged = _Lists(scorer.signals(self.queries, starts, catalogue.rows(item)), grade, item, offsets)
        self._found = _Lists(
            scorer.signals(self.queries, found.request_index, catalogue.rows(found.item)),
            found_grade,
            found.item,
            found.request_offsets,
        )

    def ndcg(self, weights: RelevanceWeights) -> tuple[Float64, Float64]:
        """NDCG@10 a query: of the judged items, and of the whole retrieval."""
        vector = weights.vector()
        return self._judged.ndcg(vector, self._ideal), self._found.ndcg(vector, self._ideal)


@dataclass(frozen=True, slots=True, eq=False)
class _Lists:
    signals: Float64
    grade: Int64
    item: Int64
    offsets: Int64

    def ndcg(self, weights: Array, ideal: Ragged) -> Float64:
        return ndcg(self.signals @ weights, self.grade, self.item, self.offsets, ideal=ideal, k=10)


def tune(
    catalogue: Catalogue, lexical: LexicalSource, query_tower: QueryTowerSource, judgements: pl.DataFrame
) -> RelevanceWeights:
    """The weights of a grid with the best mean of the two NDCG@10s that ``RelevanceCheck`` describes.

    Args:
        catalogue: the release's items.
        lexical: fitted.
        query_tower: fitted.
        judgements: schema ``JUDGEMENTS``.
    """
    graded = _Graded(catalogue, lexical, query_tower, judgements)
    table = np.array([graded.ndcg(weights) for weights in _GRID])
    return _GRID[_best_of(table, np.ones(len(graded.queries), dtype=np.bool_))]


def cross_validate(
    catalogue: Catalogue,
    lexical: LexicalSource,
    query_tower: QueryTowerSource,
    judgements: pl.DataFrame,
    *,
    folds: int = 5,
    rng: Rng = 0,
) -> RelevanceCheck:
    """What ``tune`` is worth: each query is scored with weights tuned on the queries of the other folds.

    Args:
        catalogue: the release's items.
        lexical: fitted.
        query_tower: fitted.
        judgements: schema ``JUDGEMENTS``.
        folds: of queries.
        rng: of the assignment to folds.
    """
    graded = _Graded(catalogue, lexical, query_tower, judgements)
    table = np.array([graded.ndcg(weights) for weights in _GRID])
    n = len(graded.queries)
    fold = generator(rng).permutation(n) % folds
    held_out = np.empty((2, n))
    for part in range(folds):
        held_out[:, fold == part] = table[_best_of(table, fold != part)][:, fold == part]
    plain = graded.ndcg(RelevanceWeights(everything=1.0, title=0.0, categories=0.0, affinity=0.0, tower=0.0))
    return RelevanceCheck(graded.queries, held_out[0], held_out[1], plain[0], plain[1])


def _best_of(table: Float64, queries: Bool) -> int:
    """The first of the grid's weights with the best mean over some queries."""
    return int(np.nanmean(table[:, :, queries], axis=(1, 2)).argmax())
