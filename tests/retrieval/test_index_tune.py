"""The tuner picks what meets the recall on queries that did not choose it, and among those the fastest."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.retrieval.index import tune as tuning
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.ivf_pq import IvfPqIndex
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.tune import candidates, recall_of, tune


def world(n, seed):
    return np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)


@pytest.fixture
def work_as_time(monkeypatch):
    """Time is what a search looks at, so that no busy moment of the machine decides a test."""

    def cost(index, queries, k, effort):
        share = effort / index.most_effort() if index.kind != "exact" else 1.0
        return np.full(len(queries), share)

    monkeypatch.setattr(tuning, "query_latency", cost)


@pytest.mark.usefixtures("work_as_time")
@pytest.mark.parametrize("target", [0.8, 0.95])
def test_the_pick_is_the_least_effort_that_meets_the_target(target):
    vectors, queries = world(4_000, 0), world(400, 1)
    tuned = tune(vectors, queries, recall=target, k=10, tried=[IvfFlatIndex(cells=64)])
    pick = tuned.pick
    assert pick.index.kind == "ivf-flat"
    assert pick.low >= target
    assert (tuned.n_chosen_by, tuned.n_held_out) == (200, 200)
    best = ExactIndex().build(vectors).search(queries, 10).ids
    lows = [recall_of(pick.index.search(queries, 10, effort=e).ids, best)[1] for e in range(1, 65)]
    least = 1 + next(e for e, low in enumerate(lows) if low >= target)
    assert least - 4 <= pick.effort <= least + 6


@pytest.mark.usefixtures("work_as_time")
def test_where_nothing_approximate_is_good_enough_exact_search_is_taken():
    tuned = tune(world(2_000, 0), world(100, 1), recall=0.999, k=50, tried=[IvfPqIndex(cells=8)])
    assert tuned.pick.index.kind == "exact"
    assert tuned.pick.recall == tuned.pick.low == 1.0


@pytest.mark.usefixtures("work_as_time")
def test_a_choice_that_the_held_out_queries_refute_is_corrected():
    """The half that chooses asks for the items themselves, which one cell holds; the half that proves does not."""
    vectors = world(3_000, 0)
    order = np.random.Generator(np.random.Philox(5)).permutation(200)
    queries = np.empty((200, 16), dtype=np.float32)
    queries[order[:100]], queries[order[100:]] = vectors[:100], world(100, 3)
    tuned = tune(vectors, queries, recall=0.9, k=1, metric=Metric.L2, rng=5, tried=[IvfFlatIndex(Metric.L2, cells=8)])
    assert min(s.effort for s in tuned.settings if s.low >= 0.9 and s.index.kind == "ivf-flat") == 1
    assert tuned.pick.index.kind == "exact" or tuned.pick.effort > 1
    assert tuned.pick.low >= 0.9


@pytest.mark.usefixtures("work_as_time")
def test_no_setting_of_the_frontier_is_beaten_in_both():
    tuned = tune(world(3_000, 0), world(100, 1), recall=0.9, k=10, tried=[IvfFlatIndex(cells=40), HnswIndex(degree=8)])
    frontier = tuned.frontier
    for one in frontier:
        assert not [s for s in tuned.settings if s.p50_ms < one.p50_ms and s.recall >= one.recall]
    assert [s.recall for s in frontier] == sorted(s.recall for s in frontier)


def test_every_real_candidate_can_be_swept():
    tuned = tune(world(1_500, 0), world(80, 1), recall=0.9, k=10, metric=Metric.COSINE)
    assert {s.index.kind for s in tuned.settings} == {index.kind for index in candidates(Metric.COSINE, 1_500)}
    assert tuned.pick.low >= 0.9


def test_recall_and_its_lower_limit():
    mean, low = recall_of(np.array([[1, 2], [3, 9]]), np.array([[2, 1], [3, 4]]))
    assert mean == pytest.approx((1 + 0.5) / 2)
    assert low == pytest.approx(0.75 - 1.959964 * np.std([1, 0.5], ddof=1) / 2**0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recall": 0.0}, "target recall is 0.0"),
        ({"recall": 1.1}, "target recall is 1.1"),
        ({"queries": world(59, 1)}, "59 queries are too few"),
        ({"queries": np.zeros((80, 3))}, "dimension 3, the index 16"),
        ({"vectors": np.zeros((0, 16))}, "0 vectors"),
        ({"vectors": np.full((9, 16), np.nan)}, "row 0 of the vectors"),
    ],
)
def test_what_cannot_be_tuned_is_refused(change, message):
    given = {"vectors": world(100, 0), "queries": world(80, 1), "recall": 0.9} | change
    with pytest.raises(DataError, match=message):
        tune(given["vectors"], given["queries"], recall=given["recall"])
