"""Exact search: every vector is compared."""

from __future__ import annotations

from typing import Any

import faiss

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.retrieval.index.faiss_index import FAISS, FaissIndex, faiss_metric, selector
from shortlist.retrieval.index.metric import Metric

__all__ = ["ExactIndex"]


class ExactIndex(FaissIndex):
    """``N · d`` multiplications a query; recall 1. The twin that every other backend is measured against.

    Example:
        >>> import numpy as np
        >>> found = ExactIndex().build(np.array([[1, 0], [0, 1], [2, 2]])).search(np.array([[0.1, 0.9]]), 2)
        >>> found.ids.tolist(), found.scores.round(2).tolist()
        ([[2, 1]], [[2.0, 0.8999999761581421]])
    """

    kind = "exact"

    def __init__(self, metric: Metric = Metric.DOT, *, effort: int = 1) -> None:
        super().__init__(metric, effort=effort)

    def _create(self, vectors: Float32) -> Any:
        return faiss.IndexFlat(vectors.shape[1], faiss_metric(self.metric))

    def _nearest(self, queries: Float32, k: int, effort: int, permitted: Bool | None) -> tuple[Float32, Int64]:  # noqa: ARG002 - there is nothing to save
        return self._scan(queries, k, permitted)

    def _scan(self, queries: Float32, k: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        parameters = None if permitted is None else FAISS.SearchParameters(sel=selector(permitted))
        return self._ask(self._index, queries, k, parameters)
