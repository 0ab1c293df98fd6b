"""Lesson 3: the walk is faiss's own search, the lists are brute force's, and the engine drives both."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
from tests.lessons.prepared import prepared_world

from shortlist.core.errors import DataError
from shortlist.lessons.lesson import WIDGETS
from shortlist.lessons.nearest_neighbours import reorder as reorder_module
from shortlist.lessons.nearest_neighbours.frontier import COSTS
from shortlist.lessons.nearest_neighbours.stroll import plane_of, query_of
from shortlist.lessons.sheets import write_sheet
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.hnsw_walk import true_order, walk
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.reduction import ReducedHnswIndex
from shortlist.simulation.vectors import cosine
from shortlist.workbook import nearest_neighbours as workbook


@pytest.fixture(scope="module")
def engine(prepared):
    return prepared.engine


def view(engine, name, **values):
    widget = WIDGETS[name]
    return widget.view(engine, widget.read({f"{name}.{key}": str(value) for key, value in values.items()}))


@pytest.mark.oracle
@pytest.mark.parametrize("effort", [1, 4, 16])
def test_a_walk_is_the_search_of_faiss_to_the_last_distance(effort):
    points = np.random.default_rng(1).random((600, 2), dtype=np.float32)
    index = HnswIndex(Metric.L2, degree=4, build_breadth=40)
    index.build(points)
    counted = faiss.cvar.hnsw_stats
    for query in np.random.default_rng(2).random((200, 2), dtype=np.float32):
        counted.reset()
        found = index.search(query[None], effort, effort=effort).ids[0]
        replayed = walk(index, points, query, effort=effort)
        assert replayed.found == tuple(found[found >= 0].tolist())
        assert len(replayed.steps) == counted.nhops
        assert replayed.comparisons == 1 + counted.ndis


def test_a_wider_beam_compares_more_and_finds_the_nearest(engine):
    plane = plane_of(engine)
    walks = [[walk(plane.index, plane.points, query_of(n), effort=ef) for n in range(1, 21)] for ef in (1, 32)]
    narrow, wide = (np.mean([w.comparisons for w in part]) for part in walks)
    assert narrow < wide < len(plane.points)
    found = [
        np.mean([w.found[0] == true_order(plane.points, query_of(n))[0] for n, w in enumerate(part, 1)])
        for part in walks
    ]
    assert found[0] < found[1]
    assert found[1] >= 0.95


def test_every_step_follows_edges_of_the_graph(engine):
    plane = plane_of(engine)
    graph = plane.index.graph()
    for step in walk(plane.index, plane.points, query_of(3), effort=8).steps:
        assert step.neighbours == graph.neighbours(step.place, step.layer)
        assert set(step.compared) <= set(step.neighbours)


def test_only_a_euclidean_graph_is_walked():
    index = HnswIndex(Metric.DOT, degree=4)
    index.build(np.eye(3, dtype=np.float32))
    with pytest.raises(DataError, match="only a Euclidean graph"):
        walk(index, np.eye(3, dtype=np.float32), np.ones(3, dtype=np.float32), effort=2)


def test_equal_lengths_make_the_three_meanings_one(engine):
    for item in (1, 50, 100):
        same = view(engine, "reorder", item=item, spread=0)
        assert same.shared(Metric.DOT, Metric.COSINE) == same.shared(Metric.DOT, Metric.L2) == 10
        assert same.own_rank == 1
    assert any(view(engine, "reorder", item=item, spread=200).own_rank > 1 for item in range(1, 30))


def test_another_engine_shows_other_neighbours(engine, monkeypatch):
    before = view(engine, "reorder", item=50).near[Metric.COSINE].tolist()
    monkeypatch.setattr(reorder_module, "ExactIndex", lambda metric: BackToFront(metric))
    assert view(engine, "reorder", item=50).near[Metric.COSINE].tolist() != before


class BackToFront:
    """An index that finds the farthest."""

    def __init__(self, metric):
        self._index = HnswIndex(metric)

    def build(self, vectors, ids):
        self._vectors, self._ids = vectors, ids

    def search(self, queries, k):
        order = np.argsort(queries @ self._vectors.T, axis=1)[:, :k]
        return type("Found", (), {"ids": self._ids[order]})


def test_the_sheet_is_the_tuners(tmp_path, monkeypatch):
    world = prepared_world(tmp_path)
    first = view(world.engine, "frontier", world=1, recall=90)
    monkeypatch.setattr(workbook, "tried_indexes", lambda count, *, reduced: [])
    write_sheet(world.engine, workbook.make_frontier(world.engine, 0, lambda *_: None))
    alone = view(world.engine, "frontier", world=1, recall=90)
    assert {s.kind for s in first.sheet.regimes[1].settings} > {"exact", "ivf-flat", "hnsw"}
    assert {s.kind for s in alone.sheet.regimes[1].settings} == {"exact"}
    assert (alone.pick(1).kind, alone.pick(1).recall) == ("exact", 1.0)


@pytest.mark.parametrize("cost", range(len(COSTS)))
@pytest.mark.parametrize("world", [0, 1])
def test_the_cheapest_setting_surely_meets_the_recall_and_no_cheaper_one_does(engine, world, cost):
    for wanted in (70, 95):
        shown = view(engine, "frontier", world=world, recall=wanted, cost=cost)
        pick = shown.pick(world)
        cheaper = [s for s in shown.sheet.regimes[world].settings if s.cost(cost) < pick.cost(cost)]
        assert pick.recall >= pick.low >= wanted / 100
        assert all(s.low < wanted / 100 for s in cheaper)


def test_vectors_compared_are_those_of_the_cells_that_were_opened():
    vectors, queries = cosine(1_000, 20, 0)
    index = IvfFlatIndex(cells=31).build(vectors)
    assert workbook.compared_by(index, queries, 31) == 1_000 + 31
    assert 31 < workbook.compared_by(index, queries, 2) < 1_031 / 4
    assert workbook.compared_by(ExactIndex().build(vectors), queries, 1) == 1_000


def test_the_reduction_changes_nothing_where_all_lengths_are_equal():
    vectors, queries = cosine(1_000, 20, 0)
    plain, reduced = (kind(degree=8, build_breadth=40).build(vectors) for kind in (HnswIndex, ReducedHnswIndex))
    assert (plain.search(queries, 10, effort=20).ids == reduced.search(queries, 10, effort=20).ids).mean() > 0.95
