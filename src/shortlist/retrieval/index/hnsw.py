"""HNSW: a graph of near neighbours in layers, searched greedily."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faiss

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.retrieval.index.faiss_index import FAISS, FaissIndex, faiss_metric, selector
from shortlist.retrieval.index.metric import Metric

__all__ = ["HnswIndex"]


class HnswIndex(FaissIndex):
    """Hierarchical navigable small world graph (Malkov & Yashunin, TPAMI 2018, algorithms 1 to 5).

    With ``dot`` the edges join vectors of great inner product (ip-NSW: Morozov & Babenko, NeurIPS 2018). That is no
    metric, and recall falls where lengths differ much and queries come from elsewhere; ``ReducedHnswIndex`` and IVF
    are the alternatives, and ``shortlist index tune`` says which to take. With more than one OpenMP thread the graph
    depends on the threads' timing.

    Args:
        metric: what near means.
        degree: M, edges a vector and layer, twice as many in the lowest.
        build_breadth: efConstruction, candidates that are looked at for each new vector's edges.
        effort: efSearch, candidates that a search keeps; never below k.
    """

    kind = "hnsw"

    def __init__(
        self, metric: Metric = Metric.DOT, *, degree: int = 32, build_breadth: int = 200, effort: int = 256
    ) -> None:
        super().__init__(metric, effort=effort)
        self.degree = degree
        self.build_breadth = build_breadth

    @property
    def knobs(self) -> Mapping[str, int]:
        """Degree and build breadth."""
        return {"degree": self.degree, "build_breadth": self.build_breadth}

    def least_effort(self, k: int) -> int:
        """A search keeps k candidates at least."""
        return k

    def _create(self, vectors: Float32) -> Any:
        index = faiss.IndexHNSWFlat(vectors.shape[1], self.degree, faiss_metric(self.metric))
        index.hnsw.efConstruction = self.build_breadth
        return index

    def _nearest(self, queries: Float32, k: int, effort: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        breadth = min(max(effort, k), len(self._ids))
        parameters = FAISS.SearchParametersHNSW(efSearch=breadth, sel=selector(permitted))
        return self._ask(self._index, queries, k, parameters)

    def _scan(self, queries: Float32, k: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        storage = faiss.downcast_index(self._index.storage)
        return self._ask(storage, queries, k, FAISS.SearchParameters(sel=selector(permitted)))
