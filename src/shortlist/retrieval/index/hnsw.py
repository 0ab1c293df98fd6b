"""HNSW: a graph of near neighbours in layers, searched greedily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import faiss

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.retrieval.index.faiss_index import FAISS, FaissIndex, faiss_metric, selector
from shortlist.retrieval.index.metric import Metric

__all__ = ["HnswGraph", "HnswIndex"]


@dataclass(frozen=True, slots=True, eq=False)
class HnswGraph:
    """The edges of a built index.

    Attributes:
        entry: the place at which every search begins.
        top: the number of the highest layer; 0 is the lowest.
        edges: int64, all neighbour lists end to end, -1 where a list is not full.
        starts: int64 ``(N + 1,)``, where each place's lists begin.
        widths: int64, where layer l's list begins and ends within a place's lists: ``widths[l]`` to ``widths[l + 1]``.
    """

    entry: int
    top: int
    edges: Int64
    starts: Int64
    widths: Int64

    def neighbours(self, place: int, layer: int) -> tuple[int, ...]:
        """The places that an edge leads to; none where the place is not in that layer."""
        start = int(self.starts[place])
        end = min(start + int(self.widths[layer + 1]), int(self.starts[place + 1]))
        listed = self.edges[start + int(self.widths[layer]) : end]
        return tuple(int(p) for p in listed if p >= 0)


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

    def graph(self) -> HnswGraph:
        """The edges, copied out of faiss; the index must not be empty."""
        hnsw = self._index.hnsw
        return HnswGraph(
            entry=int(hnsw.entry_point),
            top=int(hnsw.max_level),
            edges=FAISS.vector_to_array(hnsw.neighbors).astype("int64"),
            starts=FAISS.vector_to_array(hnsw.offsets).astype("int64"),
            widths=FAISS.vector_to_array(hnsw.cum_nneighbor_per_level).astype("int64"),
        )

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
