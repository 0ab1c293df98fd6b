"""Lesson 3's sheet: the package's own tuner over planted vectors, every setting that it measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import faiss

from shortlist.funnel.engine import Engine
from shortlist.lessons.nearest_neighbours.frontier import REGIMES, FrontierSheet, MeasuredSetting, Regime
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.ivf_pq import IvfPqIndex
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.reduction import ReducedHnswIndex
from shortlist.retrieval.index.tune import Tuned, tune
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.simulation.vectors import WIDTH, cosine, out_of_distribution

__all__ = ["make_frontier", "tried_indexes"]

K = 50
QUERIES = 240
TARGET = 0.97
_MOST, _AN_ITEM = 8_000, 5


def make_frontier(engine: Engine, seed: int, progress: Callable[[str, int, int], None]) -> FrontierSheet:
    """Sweep both worlds; a small catalogue gets small worlds, five vectors an item."""
    count = min(_MOST, _AN_ITEM * len(engine.catalogue))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        regimes = []
        for n, world in enumerate((out_of_distribution, cosine)):
            progress("lesson 3: indexes", n, len(REGIMES))
            vectors, queries = world(count, QUERIES, seed)
            tuned = tune(vectors, queries, recall=TARGET, k=K, rng=seed, tried=tried_indexes(count, reduced=n == 0))
            regimes.append(Regime(_settings(tuned)))
    finally:
        faiss.omp_set_num_threads(threads)
    progress("lesson 3: indexes", len(REGIMES), len(REGIMES))
    return FrontierSheet(
        release=engine.release.version,
        seed=seed,
        count=count,
        width=WIDTH,
        k=K,
        queries=QUERIES // 2,
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


def _settings(tuned: Tuned) -> tuple[MeasuredSetting, ...]:
    size = {id(s.index): 0 for s in tuned.settings}
    for index in {id(s.index): s.index for s in tuned.settings}.values():
        with tempfile.TemporaryDirectory() as folder:
            index.save(Path(folder))
            size[id(index)] = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return tuple(
        MeasuredSetting(
            kind=s.index.kind,
            knobs=dict(s.index.knobs),
            effort=s.effort,
            recall=s.recall,
            p50_ms=s.p50_ms,
            build_s=s.build_s,
            size=size[id(s.index)],
        )
        for s in tuned.settings
    )
