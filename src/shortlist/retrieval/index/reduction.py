"""Maximum inner product search by reduction to nearest neighbours in one dimension more."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.core.errors import DataError
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.metric import Metric

__all__ = ["ReducedHnswIndex", "augmented_queries", "augmented_vectors"]


def augmented_vectors(vectors: Float32, square: float) -> Float32:
    """``x̃ = (x, √(M² - |x|²))``, float32 ``(N, d + 1)``: all of length M.

    Bachrach et al., Speeding up the Xbox recommender system, RecSys 2014, theorem 1; Neyshabur & Srebro, ICML 2015,
    section 4.1. With ``q̃ = (q, 0)``: ``|q̃ - x̃|² = |q|² + M² - 2 q · x``, so the nearest is the one with the
    greatest inner product.

    Args:
        vectors: float32 ``(N, d)``.
        square: M², not below the greatest squared length.

    Example:
        >>> augmented_vectors(np.array([[3, 0], [0, 5]], dtype=np.float32), 25.0).tolist()
        [[3.0, 0.0, 4.0], [0.0, 5.0, 0.0]]
    """
    return np.column_stack([vectors, _last(vectors, square)])


def augmented_queries(queries: Float32) -> Float32:
    """``q̃ = (q, 0)``, float32 ``(R, d + 1)``."""
    return np.column_stack([queries, np.zeros(len(queries), dtype=np.float32)])


class ReducedHnswIndex(HnswIndex):
    """Inner product on an HNSW graph of Euclidean distances between augmented vectors; scores are inner products.

    When a vector longer than all before is added, the last coordinate of those before is written anew.
    """

    kind = "hnsw-reduced"

    def __init__(
        self, metric: Metric = Metric.DOT, *, degree: int = 32, build_breadth: int = 200, effort: int = 256
    ) -> None:
        super().__init__(metric, degree=degree, build_breadth=build_breadth, effort=effort)
        if self.metric is not Metric.DOT:
            raise DataError(f"the metric is {metric}", where=self.kind, fix="the reduction is for dot only")

    def _insert(self, vectors: Float32, first: int) -> None:
        longest = float(_squares(vectors).max())
        if first:
            stored = self._stored()
            before = float(_squares(stored[:1]).max())
            if longest > before:
                stored[:, -1] = _last(stored[:, :-1], longest)
            longest = max(longest, before)
        super()._insert(augmented_vectors(vectors, longest), first)

    def _create(self, vectors: Float32) -> Any:
        index = faiss.IndexHNSWFlat(vectors.shape[1], self.degree, faiss.METRIC_L2)
        index.hnsw.efConstruction = self.build_breadth
        return index

    def _nearest(self, queries: Float32, k: int, effort: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        _, place = super()._nearest(augmented_queries(queries), k, effort, permitted)
        return self._by_product(queries, place)

    def _scan(self, queries: Float32, k: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        _, place = super()._scan(augmented_queries(queries), k, permitted)
        return self._by_product(queries, place)

    def _by_product(self, queries: Float32, place: Int64) -> tuple[Float32, Int64]:
        """Inner products themselves, not distances, which cancel in float32 where M is large."""
        score = np.einsum("rkd,rd->rk", self._stored()[place][:, :, :-1], queries)
        score[place < 0] = -np.inf
        order = np.argsort(-score, axis=1, kind="stable")
        return np.take_along_axis(score, order, axis=1), np.take_along_axis(place, order, axis=1)

    def _stored(self) -> Float32:
        storage: Any = faiss.downcast_index(self._index.storage)
        held: Float32 = faiss.rev_swig_ptr(storage.get_xb(), storage.ntotal * storage.d)
        return np.reshape(held, (storage.ntotal, storage.d))


def _squares(vectors: Float32) -> Float32:
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors), dtype=np.float32)


def _last(vectors: Float32, square: float) -> Float32:
    last: Float32 = np.sqrt(np.maximum(np.float32(square) - _squares(vectors), 0.0)).astype(np.float32)
    return last
