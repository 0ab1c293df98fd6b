"""Choosing an index for vectors at hand: the fastest setting whose recall is proven on queries it was not chosen by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.retrieval.index.checks import checked_vectors
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.ivf_pq import IvfPqIndex
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.scann_index import ScannIndex, scann_installed
from shortlist.retrieval.index.vector_index import VectorIndex

__all__ = ["FEWEST_QUERIES", "Setting", "Tuned", "candidates", "query_latency", "recall_of", "tune"]

FEWEST_QUERIES = 60
"""Below this the normal interval of a mean recall means little."""

_Z = 1.959964
_HOPELESS = 1.5  # times the fastest so far: with more effort a setting this slow only gets slower
_ROUNDS = 3
_TIMED = 200  # queries that latency is measured on; recall is measured on all
_STEP = 1.25


@dataclass(frozen=True, slots=True)
class Setting:
    """An index with an effort, and what it measured.

    Attributes:
        index: built; search it with ``effort``.
        effort: of a search.
        recall: mean share of the true best k that was found, on the queries of the choice.
        low: lower end of its 95% interval over queries (normal; the queries are the sample).
        p50_ms: median milliseconds of one query on one thread.
        build_s: seconds of the build.
    """

    index: VectorIndex
    effort: int
    recall: float
    low: float
    p50_ms: float
    build_s: float

    @property
    def name(self) -> str:
        """Backend and knobs."""
        knobs = ", ".join(f"{knob} {value}" for knob, value in self.index.knobs.items())
        return f"{self.index.kind} ({knobs})" if knobs else self.index.kind


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the sweep found.

    Attributes:
        pick: the chosen setting; recall and low are of the held-out queries.
        settings: every setting measured, on the queries of the choice.
        target: the recall that was asked for.
        k: of recall at k.
        n_chosen_by: queries that chose.
        n_held_out: queries that proved.
    """

    pick: Setting
    settings: Sequence[Setting]
    target: float
    k: int
    n_chosen_by: int
    n_held_out: int

    @property
    def frontier(self) -> Sequence[Setting]:
        """Settings that no other beats in both recall and time, by rising time."""
        best: list[Setting] = []
        for setting in sorted(self.settings, key=lambda s: (s.p50_ms, -s.recall)):
            if not best or setting.recall > best[-1].recall:
                best.append(setting)
        return best


def candidates(metric: Metric, count: int) -> Iterator[VectorIndex]:
    """Unbuilt indexes worth a try for so many vectors; cells in proportion to the square root of their number."""
    root = max(int(count**0.5), 1)
    yield ExactIndex(metric)
    for cells in (root, 2 * root, 4 * root):
        yield IvfSq8Index(metric, cells=cells)
    yield IvfFlatIndex(metric, cells=2 * root)
    yield IvfPqIndex(metric, cells=2 * root)
    if scann_installed():
        for cells in (max(root // 4, 1), root):
            yield ScannIndex(metric, cells=cells)
    yield HnswIndex(metric, degree=16, build_breadth=100)


def tune(
    vectors: Array,
    queries: Array,
    *,
    recall: float,
    k: int = 200,
    metric: Metric = Metric.DOT,
    rng: Rng = 0,
    tried: Iterable[VectorIndex] | None = None,
    progress: Callable[[str], object] = str,
) -> Tuned:
    """The setting with the least median latency whose recall is at least the target.

    Half of the queries choose: for each index the least effort is sought whose lower confidence limit of recall
    reaches the target. The settings that do are timed again in turns, so that a busy moment hits all of them alike.
    The other half prove: from the fastest on, a setting's lower limit on those must reach the target too, else its
    effort is raised by a quarter (three times at most) before the next setting is looked at. Exact search always
    passes. Time it with one OpenMP thread: a server's request has one.

    Args:
        vectors: ``(N, d)``.
        queries: ``(R, d)``, like those that will come; at least ``FEWEST_QUERIES``.
        recall: the target, in (0, 1].
        k: recall at k, and the k that is timed.
        metric: what near means.
        rng: splits the queries.
        tried: instead of ``candidates``; those already built are not built again. Exact search is always tried.
        progress: told what is being done.

    Raises:
        DataError: vectors, queries or target that cannot be used.
    """
    if not 0 < recall <= 1:
        raise DataError(f"the target recall is {recall}", where="recall", fix="give a number above 0, up to 1")
    items = checked_vectors(vectors, None, "vectors")
    asked = checked_vectors(queries, items.shape[1], "queries")
    if not len(items) or len(asked) < FEWEST_QUERIES:
        raise DataError(
            f"{len(items)} vectors and {len(asked)} queries are too few",
            where="tuning",
            fix=f"give at least one vector and {FEWEST_QUERIES} queries",
        )
    order = generator(rng).permutation(len(asked))
    choosing, proving = asked[order[: len(asked) // 2]], asked[order[len(asked) // 2 :]]
    exact = ExactIndex(metric)
    seconds = _built(exact, items)
    k = min(k, len(items))
    best, best_held_out = exact.search(choosing, k).ids, exact.search(proving, k).ids
    sweep = _Sweep(choosing, best, k, recall)
    sweep.measure(exact, 1, seconds)
    for index in tried if tried is not None else candidates(metric, len(items)):
        if index.kind == exact.kind:
            continue
        progress(f"{index.kind}: build")
        seconds = _built(index, items)
        for variant in index.variants(k):
            progress(f"{index.kind}: sweep")
            sweep.follow(variant, seconds)
    progress("the fastest again, on held-out queries")
    return Tuned(_proven(sweep, proving, best_held_out), tuple(sweep.settings), recall, k, len(choosing), len(proving))


def recall_of(found: Int64, best: Int64) -> tuple[float, float]:
    """Mean share of ``best`` in ``found``, each ``(R, k)``, and the lower end of its 95% interval over queries."""
    share = np.array([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, best, strict=True)])
    return float(share.mean()), float(share.mean() - _Z * share.std(ddof=1) / len(share) ** 0.5)


def query_latency(index: VectorIndex, queries: Float32, k: int, effort: int) -> Float64:
    """Milliseconds of each query, one at a time, float64 ``(R,)``."""
    index.search(queries[:5], k, effort=effort)
    times = np.empty(len(queries))
    for n, query in enumerate(queries):
        began = time.perf_counter_ns()
        index.search(query[None], k, effort=effort)
        times[n] = (time.perf_counter_ns() - began) / 1e6
    return times


class _Sweep:
    """The settings measured so far on the queries that choose."""

    def __init__(self, queries: Float32, best: Int64, k: int, target: float) -> None:
        self.queries = queries
        self.best = best
        self.k = k
        self.target = target
        self.settings: list[Setting] = []

    def measure(self, index: VectorIndex, effort: int, seconds: float) -> Setting:
        """Recall and latency of one setting, kept in ``settings``."""
        mean, low = recall_of(index.search(self.queries, self.k, effort=effort).ids, self.best)
        times = query_latency(index, self.queries[:_TIMED], self.k, effort)
        setting = Setting(index, effort, mean, low, float(np.median(times)), seconds)
        self.settings.append(setting)
        return setting

    def enough(self) -> list[Setting]:
        """Those whose lower limit reaches the target, fastest first."""
        return sorted((s for s in self.settings if s.low >= self.target), key=lambda s: s.p50_ms)

    def follow(self, index: VectorIndex, seconds: float) -> None:
        """Double the effort until recall is enough or time is hopeless; then halve the gap."""
        fastest = min((s.p50_ms for s in self.enough()), default=np.inf)
        effort, before = max(index.least_effort(self.k), 1), 0
        most = index.most_effort()
        while True:
            setting = self.measure(index, effort, seconds)
            if setting.low >= self.target:
                break
            if setting.p50_ms > _HOPELESS * fastest or effort == most:
                return
            before, effort = effort, min(effort * 2, most)
        while effort - before > max(effort // 16, 1) and before:
            middle = (before + effort) // 2
            if self.measure(index, middle, seconds).low >= self.target:
                effort = middle
            else:
                before = middle


def _built(index: VectorIndex, vectors: Float32) -> float:
    began = time.perf_counter()
    if not len(index):
        index.build(vectors)
    return time.perf_counter() - began


def _proven(sweep: _Sweep, queries: Float32, best: Int64) -> Setting:
    finalists = sweep.enough()[:6]
    times = np.full((_ROUNDS, len(finalists)), np.inf)
    for turn in range(_ROUNDS):
        for n, s in enumerate(finalists):
            times[turn, n] = np.median(query_latency(s.index, sweep.queries[:_TIMED], sweep.k, s.effort))
    for n in np.argsort(times.min(axis=0), kind="stable"):
        index, effort, seconds = finalists[n].index, finalists[n].effort, finalists[n].build_s
        for _ in range(4):
            mean, low = recall_of(index.search(queries, sweep.k, effort=effort).ids, best)
            if low >= sweep.target:
                took = float(np.median(query_latency(index, queries[:_TIMED], sweep.k, effort)))
                return Setting(index, effort, mean, low, took, seconds)
            effort = min(int(np.ceil(effort * _STEP)), index.most_effort())
    return next(s for s in sweep.settings if isinstance(s.index, ExactIndex))
