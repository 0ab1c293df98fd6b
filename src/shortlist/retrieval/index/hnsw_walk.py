"""A search on an HNSW graph, step by step: which vector is left for which neighbours, and what was compared."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float32, Int64
from shortlist.core.errors import DataError
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.metric import Metric

__all__ = ["Step", "Walk", "true_order", "walk"]


@dataclass(frozen=True, slots=True)
class Step:
    """One vector whose neighbours were looked at.

    Attributes:
        layer: of the graph, 0 being the lowest, which holds all vectors.
        place: the vector.
        neighbours: all its edges in that layer.
        compared: those whose distance to the query is worked out now: above the lowest layer all of them, in the
            lowest those that were not met before, for only there a search remembers whom it met.
        nearest: the nearest vector found so far.
    """

    layer: int
    place: int
    neighbours: tuple[int, ...]
    compared: tuple[int, ...]
    nearest: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A whole search.

    Attributes:
        entry: the vector it began at.
        steps: in order, from the top layer down.
        found: the vectors that the lowest layer kept, nearest first, at most ``effort``.
    """

    entry: int
    steps: tuple[Step, ...]
    found: tuple[int, ...]

    @property
    def comparisons(self) -> int:
        """Distances worked out, the entry's included."""
        return 1 + sum(len(step.compared) for step in self.steps)


def walk(index: HnswIndex, vectors: Float32, query: Float32, *, effort: int) -> Walk:
    """Replay a search on the graph that faiss built (Malkov & Yashunin, TPAMI 2018, algorithms 2 and 5).

    Step by step what faiss does: the same vectors found, left and compared, where no two are equally far.

    Down to layer 1 one moves to the nearest neighbour until none is nearer. In layer 0 the nearest vector that was
    not left yet is left, until it is farther than the worst of the ``effort`` nearest.

    Args:
        index: built over ``vectors`` with Euclidean distance, nothing removed.
        vectors: float32 ``(N, d)``, in the order in which they were added.
        query: float32 ``(d,)``.
        effort: efSearch.

    Raises:
        DataError: the index has another metric or is empty.
    """
    if index.metric is not Metric.L2 or not len(index):
        raise DataError("only a Euclidean graph with vectors can be walked", where="hnsw walk", fix="build one with L2")
    graph = index.graph()
    distance = np.square(vectors - query).sum(axis=1)
    steps: list[Step] = []
    here = graph.entry
    for layer in range(graph.top, 0, -1):
        moved = True
        while moved:
            edges = graph.neighbours(here, layer)
            nearest = min((here, *edges), key=lambda p: distance[p])
            steps.append(Step(layer, here, edges, edges, nearest))
            moved, here = nearest != here, nearest
    seen, kept, waiting = {here}, [(-distance[here], here)], [(distance[here], here)]
    while waiting:
        far, place = heapq.heappop(waiting)
        if len(kept) >= effort and far > -kept[0][0]:
            break
        edges = graph.neighbours(place, 0)
        new = tuple(p for p in edges if p not in seen)
        seen.update(new)
        for p in new:
            if len(kept) < effort or distance[p] < -kept[0][0]:
                heapq.heappush(kept, (-distance[p], p))
                heapq.heappush(waiting, (distance[p], p))
                if len(kept) > effort:
                    heapq.heappop(kept)
        steps.append(Step(0, place, edges, new, max(kept)[1]))
    return Walk(graph.entry, tuple(steps), tuple(place for _, place in sorted(kept, reverse=True)))


def true_order(vectors: Float32, query: Float32) -> Int64:
    """All places, nearest first, ties by place."""
    return np.argsort(np.square(vectors - query).sum(axis=1), kind="stable").astype(np.int64)
