"""Graded queries, and what an order of the catalogue's items is worth on them."""

from __future__ import annotations

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Bool, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.request import Request, RequestBatch
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall
from shortlist.features.catalogue import Catalogue

__all__ = ["GradedQueries"]


class GradedQueries:
    """Graded queries, and what an order of their items is worth.

    NDCG@10 counts every grade, recall@100 the items whose grade is at least half of the highest: 2 and 3 of 0 to 3.
    Both are NaN for a query that has no such item.

    Args:
        catalogue: the release's items.
        judgements: schema ``JUDGEMENTS``.

    Attributes:
        queries: ``Q`` texts, sorted.
        batch: a request each.
        query: int64 ``(N,)``, the query of each judged pair, never falling.
        row: int64 ``(N,)``, its catalogue row.
    """

    def __init__(self, catalogue: Catalogue, judgements: pl.DataFrame) -> None:
        table = judgements.unique(["query", "item"], maintain_order=True).sort(["query", "item"])
        self.queries: tuple[str, ...] = tuple(table["query"].unique(maintain_order=True).to_list())
        self.query = table.select(pl.col("query").rle_id())["query"].to_numpy().astype(np.int64)
        self._item, self._grade = table["item"].to_numpy(), table["grade"].to_numpy().astype(np.int64)
        self.row = catalogue.rows(self._item)
        offsets = np.searchsorted(self.query, np.arange(len(self.queries) + 1)).astype(np.int64)
        self._ideal = Ragged(self._grade, offsets)
        pairs = zip(self.query.tolist(), self._item.tolist(), strict=True)
        self._of_pair = dict(zip(pairs, self._grade.tolist(), strict=True))
        self._good = (int(self._grade.max(initial=0)) + 1) // 2
        self._n_good = np.bincount(self.query[self._is_good(self._grade)], minlength=len(self.queries)).astype(np.int64)
        requests = (Request(f"graded-{n}", k=10, at_us=0, query=query) for n, query in enumerate(self.queries))
        self.batch = RequestBatch.of(*requests)

    def judged(self, score: Array) -> Float64:
        """NDCG@10 of the judged pairs by score, ``(Q,)``."""
        return ndcg(score, self._grade, self._item, self._ideal.offsets, ideal=self._ideal, k=10)

    def grades(self, found: Candidates) -> Int64:
        """The grade of each candidate, int64 ``(N,)``; 0 where nobody judged it."""
        pairs = zip(found.request_index.tolist(), found.item.tolist(), strict=True)
        return np.array([self._of_pair.get(pair, 0) for pair in pairs], dtype=np.int64)

    def retrieved(self, found: Candidates, grade: Int64, score: Array) -> tuple[Float64, Float64]:
        """NDCG@10 and recall@100 of candidates by score, ``(Q,)`` each.

        Args:
            found: the candidates of each query.
            grade: what ``grades`` gives for them.
            score: of each; the higher, the earlier.
        """
        item, offsets = found.item, found.request_offsets
        reached = recall(score, self._is_good(grade), item, offsets, n_relevant=self._n_good, k=100)
        return ndcg(score, grade, item, offsets, ideal=self._ideal, k=10), reached

    def _is_good(self, grade: Int64) -> Bool:
        return np.asarray((grade >= self._good) & (grade > 0))
