"""Vector search, 1 million × 64, top 200, in two regimes.

"Raw inner product": lengths are lognormal and queries come from elsewhere than the items, as with factors or towers
that are not normalised. "Cosine": queries come from where the items come from; their recalls differ more, so that more
of them are needed. One query at a time, on one thread.

The tuner must prove its recall on held-out queries (lower limit of the 95% interval); the grid, with other queries,
other efforts and other indexes, is held to the same proof.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np

from benchmarks.report import Row, median_row
from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.reduction import ReducedHnswIndex
from shortlist.retrieval.index.scann_index import ScannIndex, scann_installed
from shortlist.retrieval.index.tune import Tuned, candidates, recall_of, tune
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.simulation.vectors import cosine, out_of_distribution

__all__ = ["K", "exact_best", "latency", "one_thread", "recall_row", "regime", "run"]

K = 200
_TARGET = 0.95
_GOOD = 0.98


def one_thread() -> None:
    """What a request gets."""
    faiss.omp_set_num_threads(1)


def exact_best(vectors: Array, queries: Float32, k: int) -> Int64:
    """The true best by inner product, int64 ``(R, k)``, by brute force in pieces."""
    heap = faiss.ResultHeap(len(queries), k, keep_max=True)
    for start in range(0, len(vectors), 1 << 18):
        part = np.ascontiguousarray(vectors[start : start + (1 << 18)])
        score, place = faiss.knn(queries, part, min(k, len(part)), metric=faiss.METRIC_INNER_PRODUCT)
        heap.add_result(score, place + start)
    heap.finalize()
    best: Int64 = heap.I
    return best


def recall_row(who: str, what: str, found: Int64, best: Int64) -> Row:
    """Recall of the true best, with a 95% interval over queries."""
    share = np.array([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, best, strict=True)])
    spread = float(1.96 * share.std(ddof=1) / len(share) ** 0.5)
    mean = float(share.mean())
    return Row(who, f"{what}, recall@{best.shape[1]}", mean, "", mean - spread, min(mean + spread, 1.0))


def latency(search: Callable[[Float32], object], queries: Float32) -> Float64:
    """Milliseconds of each query, one at a time, warm."""
    for query in queries[:20]:
        search(query[None])
    times = np.empty(len(queries))
    for n, query in enumerate(queries):
        began = time.perf_counter_ns()
        search(query[None])
        times[n] = (time.perf_counter_ns() - began) / 1e6
    return times


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Each index at the least effort that finds 95%, or at its best, then the tuner's pick beside the whole grid."""
    count = 100_000 if quick else 1_000_000
    one_thread()
    return [
        *regime("raw inner product", *out_of_distribution(count, 400, seed), seed=seed),
        *regime("cosine", *cosine(count, 2_000, seed), seed=seed),
    ]


def regime(name: str, x: Float32, queries: Float32, *, seed: int) -> list[Row]:
    """The rows of one world: three in five queries are the tuner's, the others the grid's; they share nothing else."""
    tuning, testing = np.split(queries, [3 * len(queries) // 5])
    best = exact_best(x, testing, K)
    tried = list(candidates(Metric.DOT, len(x)))
    built = [*tried, *_more(name, len(x))]
    seconds = [_build(index, x) for index in built]
    tuned = tune(x, tuning, recall=_TARGET, k=K, rng=seed, tried=tried)
    rows: list[Row] = []
    enough: list[_Point] = []
    for index, took in zip(built, seconds, strict=True):
        points = _grid(index, testing, best, min((p.p50 for p in enough), default=np.inf))
        enough += [p for p in points if p.low >= _TARGET]
        rows += _rows(name, index, points, best, testing, took)
    rows.append(median_row("NumPy", f"{name}: argpartition of all, recall 1", latency(_numpy(x), testing[:50])))
    return rows + _picked(name, tuned, min(enough, key=lambda p: p.p50), testing, best)


class _Point(NamedTuple):
    searched: VectorIndex
    effort: int
    recall: float
    low: float
    p50: float


def _more(name: str, count: int) -> list[VectorIndex]:
    """What the tuner does not try: other numbers of cells, and on raw inner products the reduction."""
    root = int(count**0.5)
    more: list[VectorIndex] = [IvfSq8Index(cells=6 * root)]
    if scann_installed():
        more.append(ScannIndex(cells=root // 2, reorder=1500))
    if name != "cosine":
        more.append(ReducedHnswIndex(degree=16, build_breadth=100))
    return more


def _build(index: VectorIndex, x: Float32) -> float:
    began = time.perf_counter()
    index.build(x)
    return time.perf_counter() - began


def _grid(index: VectorIndex, queries: Float32, best: Int64, fastest: float) -> list[_Point]:
    """Efforts from the least, closer where recall is near the target, until it is .98 or the time is hopeless."""
    points: list[_Point] = []
    for variant in _reorders(index):
        effort, most = float(variant.least_effort(K)), variant.most_effort()
        while True:
            step = min(int(effort), most)
            found = variant.search(queries, K, effort=step).ids
            recall, low = recall_of(found, best)
            p50 = float(np.median(latency(_ask(variant, step), queries[:100])))
            points.append(_Point(variant, step, recall, low, p50))
            if recall >= _GOOD or step == most or points[-1].p50 > 3 * fastest:
                break
            effort = max(effort * (2.0 if recall < 0.6 else 1.5 if recall < 0.9 else 1.15), effort + 1)
    return points


def _reorders(index: VectorIndex) -> list[VectorIndex]:
    if not isinstance(index, ScannIndex):
        return [index]
    variants = []
    for reorder in (400, 800, 1500, 3000):
        variants.append(copy(index))
        variants[-1].reorder = reorder
    return list(variants)


def _ask(index: VectorIndex, effort: int) -> Callable[[Float32], object]:
    return lambda query: index.search(query, K, effort=effort)


def _name(index: VectorIndex) -> str:
    return ", ".join([index.kind, *(f"{knob} {value}" for knob, value in index.knobs.items())])


def _rows(
    name: str, index: VectorIndex, points: Sequence[_Point], best: Int64, queries: Float32, seconds: float
) -> list[Row]:
    enough = [p for p in points if p.low >= _TARGET]
    point = min(enough, key=lambda p: p.p50) if enough else max(points, key=lambda p: p.recall)
    what = f"{name}: {_name(point.searched)}, effort {point.effort}"
    times = latency(_ask(point.searched, point.effort), queries[:400])
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    rows = [
        recall_row("shortlist", what, point.searched.search(queries, K, effort=point.effort).ids, best),
        *(median_row("shortlist", what, times, q) for q in (0.5, 0.99)),
        Row("shortlist", f"{what}: build", seconds, "s"),
        Row("shortlist", f"{what}: memory", size / 2**20, "MiB"),
    ]
    print(*(f"{row.what} = {row.value:.4g} {row.unit}" for row in rows), sep="\n", file=sys.stderr, flush=True)
    return rows


def _picked(name: str, tuned: Tuned, fastest: _Point, queries: Float32, best: Int64) -> list[Row]:
    """The pick and the grid's fastest, timed in turns: the ratio of their best medians of five."""
    pick = tuned.pick
    times = np.array(
        [
            [
                np.median(latency(_ask(i, effort), queries[:160]))
                for i, effort in ((pick.index, pick.effort), fastest[:2])
            ]
            for _ in range(5)
        ]
    )
    ours, grid = times.min(axis=0)
    what = f"{name}: the tuner's pick, {_name(pick.index)}, effort {pick.effort}"
    ratios = times[:, 0] / times[:, 1]
    rival = f"{name}: fastest, {_name(fastest.searched)}, effort {fastest.effort}, recall {fastest.recall:.4f}: p50"
    ratio = (float(ratios.min()), float(ratios.max()))
    return [
        Row("shortlist", f"{what}: recall@{K} held out", pick.recall, "", pick.low, min(2 * pick.recall - pick.low, 1)),
        recall_row("shortlist", f"{what}, the grid's queries", _ids(pick.index, pick.effort, queries), best),
        Row("shortlist", f"{what}: p50", float(ours), "ms"),
        Row("grid", rival, float(grid), "ms"),
        Row("shortlist", f"{name}: time of the pick over the grid's fastest", float(ours / grid), "times", *ratio),
    ]


def _ids(index: VectorIndex, effort: int, queries: Float32) -> Int64:
    return index.search(queries, K, effort=effort).ids


def _numpy(x: Float32) -> Callable[[Float32], object]:
    def search(query: Float32) -> Int64:
        score = (x @ query[0]).ravel()
        top = np.argpartition(-score, K)[:K]
        ordered: Int64 = top[np.argsort(-score[top])]
        return ordered

    return search
