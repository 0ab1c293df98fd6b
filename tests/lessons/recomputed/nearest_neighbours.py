"""Lesson 3's figures by brute force: sorted products, a count of distances, and indexes built anew."""

from __future__ import annotations

import faiss
import numpy as np

from shortlist.lessons.nearest_neighbours.frontier import FrontierSheet
from shortlist.lessons.nearest_neighbours.overlap import spread_out
from shortlist.lessons.nearest_neighbours.reorder import factors_of
from shortlist.lessons.nearest_neighbours.stroll import plane_of, query_of
from shortlist.lessons.sheets import SheetReader
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


def over_all(engine, values):
    """What dot and cosine share over all items, and the share of items that are among another's first ten by dot."""
    _, factor = factors_of(engine)
    x = spread_out(factor, values["spread"] / 100)[np.linalg.norm(factor, axis=1) > 0].astype(np.float64)
    length = np.linalg.norm(x, axis=1)
    first = [np.argsort(-score, axis=1, kind="stable")[:, :10] for score in (x @ x.T, x @ x.T / length)]
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*(part.tolist() for part in first), strict=True)])
    others = {found for row, part in enumerate(first[0].tolist()) for found in part if found != row}
    return f"{share:.0%}", f"{len(others) / len(x):.0%}"


def comparisons(engine, values):
    """As faiss counts them in its own search, and the one to the entry."""
    plane = plane_of(engine)
    faiss.cvar.hnsw_stats.reset()
    plane.index.search(query_of(values["query"])[None], 1, effort=values["effort"])
    return str(1 + faiss.cvar.hnsw_stats.ndis)


def picked(engine, values):
    """The sheet's cheapest setting; its timing is the sheet's, what it found and compared is measured anew."""
    sheet = SheetReader(FrontierSheet)(engine)
    enough = [s for s in sheet.regimes[values["world"]].settings if s.low >= values["recall"] / 100]
    costs = (lambda s: s.compared, lambda s: s.p50_ms, lambda s: s.size)
    return sheet, min(enough, key=lambda s: (costs[values["cost"]](s), s.p50_ms))


def anew(engine, values):
    """The same setting, its index built again: what it finds, what is best, and what faiss counted."""
    sheet, pick = picked(engine, values)
    vectors, queries = (out_of_distribution, cosine)[values["world"]](sheet.count, QUERIES, sheet.seed)
    best = np.argsort(-(queries.astype(np.float64) @ vectors.T), axis=1, kind="stable")[:, :K]
    if pick.kind == "exact":
        return best, best, float(sheet.count)
    tried = tried_indexes(sheet.count, reduced=True)
    index = next(i for i in tried if i.kind == pick.kind and dict(i.knobs) == pick.knobs)
    faiss.omp_set_num_threads(1)  # a graph depends on the timing of threads
    index.build(vectors)
    counted = faiss.cvar.hnsw_stats if "hnsw" in pick.kind else faiss.cvar.indexIVF_stats
    counted.reset()
    found = index.search(queries, K, effort=pick.effort).ids
    return found, best, counted.ndis / QUERIES + pick.knobs.get("cells", 1)


def recall(engine, values):
    found, best, _ = anew(engine, values)
    share = [len(set(a.tolist()) & set(b.tolist())) / K for a, b in zip(found, best, strict=True)]
    return f"{np.mean(share):.1%}"


RECOMPUTED = {
    ("reorder", "shared"): shared,
    ("reorder", "mean"): lambda engine, values: over_all(engine, values)[0],
    ("reorder", "among"): lambda engine, values: over_all(engine, values)[1],
    ("stroll", "comparisons"): comparisons,
    ("frontier", "recall"): recall,
    ("frontier", "compared"): lambda engine, values: f"{anew(engine, values)[2]:,.0f}",
    ("frontier", "size"): lambda engine, values: f"{picked(engine, values)[1].size / 2**20:.2f}",
    ("frontier", "pick"): lambda engine, values: picked(engine, values)[1].kind,
}
