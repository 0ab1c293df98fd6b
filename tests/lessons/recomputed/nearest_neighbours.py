"""Lesson 3's figures by brute force: sorted products, a count of distances, and indexes built anew."""

from __future__ import annotations

import faiss
import numpy as np

from shortlist.core.randomness import generator
from shortlist.lessons.nearest_neighbours.frontier import FrontierSheet
from shortlist.lessons.nearest_neighbours.reorder import factors_of, spread_out
from shortlist.lessons.nearest_neighbours.stroll import plane_of, query_of
from shortlist.lessons.sheets import SheetReader
from shortlist.retrieval.index.hnsw_walk import walk
from shortlist.retrieval.index.tune import recall_of
from shortlist.simulation.vectors import cosine, out_of_distribution
from shortlist.workbook.nearest_neighbours import QUERIES, K, tried_indexes


def shared(engine, values):
    _, factor = factors_of(engine)
    known = np.flatnonzero(np.linalg.norm(factor, axis=1) > 0)
    x = spread_out(factor, values["spread"] / 100)[known].astype(np.float64)
    q = x[(values["item"] - 1) % len(known)]
    dot = x @ q
    cos = dot / np.linalg.norm(x, axis=1)
    first = [set(np.argsort(-score, kind="stable")[:10].tolist()) for score in (dot, cos)]
    return str(len(first[0] & first[1]))


def comparisons(engine, values):
    plane = plane_of(engine)
    return str(walk(plane.index, plane.points, query_of(values["query"]), effort=values["effort"]).comparisons)


def picked(engine, values):
    """The sheet's cheapest setting; its timing is the sheet's, its recall is measured anew."""
    sheet = SheetReader(FrontierSheet)(engine)
    enough = [s for s in sheet.regimes[values["world"]].settings if s.recall >= values["recall"] / 100]
    return sheet, min(enough, key=lambda s: s.p50_ms)


def recall(engine, values):
    sheet, pick = picked(engine, values)
    vectors, queries = (out_of_distribution, cosine)[values["world"]](sheet.count, QUERIES, sheet.seed)
    order = generator(sheet.seed).permutation(QUERIES)
    asked = queries[order[: QUERIES // 2]]
    best = np.argsort(-(asked.astype(np.float64) @ vectors.T), axis=1, kind="stable")[:, :K]
    if pick.kind == "exact":
        return f"{1.0:.1%}"
    index = next(
        i for i in tried_indexes(sheet.count, reduced=True) if i.kind == pick.kind and dict(i.knobs) == pick.knobs
    )
    faiss.omp_set_num_threads(1)  # a graph depends on the timing of threads
    index.build(vectors)
    return f"{recall_of(index.search(asked, K, effort=pick.effort).ids, best)[0]:.1%}"


RECOMPUTED = {
    ("reorder", "shared"): shared,
    ("stroll", "comparisons"): comparisons,
    ("frontier", "recall"): recall,
    ("frontier", "size"): lambda engine, values: f"{picked(engine, values)[1].size / 2**20:.1f}",
    ("frontier", "pick"): lambda engine, values: picked(engine, values)[1].kind,
}
