"""Lesson 3's sheet: every index at every effort over planted vectors, measured as the tuner measures, and its pick."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np

from shortlist.core.arrays import Float32
from shortlist.funnel.engine import Engine
from shortlist.lessons.nearest_neighbours.frontier import (
    REGIMES,
    FrontierSheet,
    MeasuredSetting,
    Regime,
    TunersPick,
)
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.faiss_index import FAISS
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.ivf import IvfIndex
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.ivf_pq import IvfPqIndex
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.reduction import ReducedHnswIndex
from shortlist.retrieval.index.tune import query_latency, recall_of, tune
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.simulation.vectors import WIDTH, cosine, out_of_distribution

__all__ = ["compared_by", "make_frontier", "tried_indexes"]

K = 50
QUERIES = 160
TARGET = 0.95
_MOST, _AN_ITEM = 8_000, 5
_STEP, _ENOUGH = 1.6, 0.99
_WIDEST = 20  # times k: the widest beam of a graph
_ROUNDS, _TIMED = 2, 40


def make_frontier(engine: Engine, seed: int, progress: Callable[[str, int, int], None]) -> FrontierSheet:
    """Sweep both worlds; a small catalogue gets small worlds, five vectors an item."""
    count = min(_MOST, _AN_ITEM * len(engine.catalogue))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        regimes = []
        for n, world in enumerate((out_of_distribution, cosine)):
            progress("lesson 3: indexes", n, len(REGIMES))
            regimes.append(_regime(*world(count, QUERIES, seed), reduced=n == 0, seed=seed))
    finally:
        faiss.omp_set_num_threads(threads)
    progress("lesson 3: indexes", len(REGIMES), len(REGIMES))
    return FrontierSheet(
        release=engine.release.version,
        seed=seed,
        count=count,
        width=WIDTH,
        k=K,
        queries=QUERIES,
        target=TARGET,
        regimes=tuple(regimes),
    )


def tried_indexes(count: int, *, reduced: bool) -> list[VectorIndex]:
    """Unbuilt: cells, cells with codes, a graph and, for inner products, the graph over the reduction."""
    root = int(count**0.5)
    tried: list[VectorIndex] = [
        IvfFlatIndex(cells=root),
        IvfSq8Index(cells=root),
        IvfPqIndex(cells=root),
        HnswIndex(degree=16, build_breadth=60),
    ]
    return [*tried, ReducedHnswIndex(degree=16, build_breadth=60)] if reduced else tried


def compared_by(index: VectorIndex, queries: Float32, effort: int) -> float:
    """Vectors that a search for K compares with a query, mean, the cells' centres among them; as faiss counts."""
    if isinstance(index, ExactIndex):
        return float(len(index))
    counted = FAISS.cvar.hnsw_stats if isinstance(index, HnswIndex) else FAISS.cvar.indexIVF_stats
    counted.reset()
    index.search(queries, K, effort=effort)
    return float(counted.ndis) / len(queries) + (index.cells if isinstance(index, IvfIndex) else 1)


def _regime(vectors: Float32, queries: Float32, *, reduced: bool, seed: int) -> Regime:
    """All settings on all queries, timed in turns, and the tuner's pick among the same indexes."""
    exact = ExactIndex().build(vectors)
    best = exact.search(queries, K).ids
    tried = tried_indexes(len(vectors), reduced=reduced)
    swept: list[tuple[VectorIndex, int, float, float]] = [(exact, 1, 1.0, 1.0)]
    seconds = {id(exact): 0.0}
    for index in tried:
        began = time.perf_counter()
        index.build(vectors)
        seconds[id(index)] = time.perf_counter() - began
        for effort in _efforts(index):
            swept.append((index, effort, *recall_of(index.search(queries, K, effort=effort).ids, best)))
            if swept[-1][3] >= _ENOUGH:
                break
    times = [
        [float(np.median(query_latency(index, queries[:_TIMED], K, effort))) for index, effort, *_ in swept]
        for _ in range(_ROUNDS)
    ]
    size = {id(index): _bytes(index) for index in (exact, *tried)}
    settings = tuple(
        MeasuredSetting(
            kind=index.kind,
            knobs=dict(index.knobs),
            effort=effort,
            recall=recall,
            low=low,
            p50_ms=p50,
            compared=compared_by(index, queries, effort),
            build_s=seconds[id(index)],
            size=size[id(index)],
        )
        for (index, effort, recall, low), p50 in zip(swept, np.min(times, axis=0).tolist(), strict=True)
    )
    pick = tune(vectors, queries, recall=TARGET, k=K, rng=seed, tried=tried).pick
    return Regime(
        settings=settings,
        picked=TunersPick(kind=pick.index.kind, effort=pick.effort, recall=pick.recall, low=pick.low),
    )


def _efforts(index: VectorIndex) -> Iterator[int]:
    """From the least, half as much again each time, to all cells or a beam many times as wide as what is asked for."""
    effort = index.least_effort(K) if isinstance(index, HnswIndex) else 1
    most = index.most_effort() if isinstance(index, IvfIndex) else min(_WIDEST * K, len(index))
    while effort < most:
        yield effort
        effort = max(effort + 1, int(_STEP * effort))
    if isinstance(index, IvfIndex):
        yield most


def _bytes(index: VectorIndex) -> int:
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
