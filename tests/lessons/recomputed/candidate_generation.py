"""Lesson 2's figures: the funnel asked request by request, factorizations ranked by brute force, sources fitted anew."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import numpy as np
import polars as pl

from shortlist.core.arrays import Ragged
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.request import RequestBatch
from shortlist.evaluation.last_positives import last_positives
from shortlist.learning.als import als_item_factors
from shortlist.lessons.candidate_generation.factors import FACTORS, REGULARIZATIONS
from shortlist.lessons.candidate_generation.found import SOURCES
from shortlist.lessons.candidate_generation.new_item import CUTS
from shortlist.lessons.the_funnel.held_out import held_out_requests
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.item_neighbours import liked_matrix
from shortlist.workbook.factorizations import CONFIDENCE, ITERATIONS, USERS_AT_MOST
from shortlist.workbook.new_items import fitted, take_out

SEED = 0  # of the sheets of a test's world


def history(engine):
    return pl.read_parquet(engine.release.folder / "history.parquet")


def by_hand(engine, names, order, kept):
    """Recall of the first ``kept`` rows that the feed makes of some of its sources."""
    requests, positives = held_out_requests(engine)
    funnel = engine.feed.funnel
    funnel = replace(funnel, sources=tuple(s for s in funnel.sources if s.component.name in names))
    total = 0.0
    for n, request in enumerate(requests):
        rows = funnel.run(RequestBatch.of(request), patient=True).scored
        score = []
        for row in range(len(rows)):
            ranks = [int(rank) + 1 for rank in rows.source_rank[row] if rank >= 0]
            fused = (rows[RETRIEVAL_SCORE][row], sum(1 / (60 + r) for r in ranks), max(1 / r for r in ranks))[order]
            score.append((-round(float(fused), 12), int(rows.item[row])))
        first = {item for _, item in sorted(score)[:kept]}
        total += len(first & set(positives[n].tolist())) / len(positives[n])
    return round(total / len(requests), 12)  # a share that ends on a half rounds by its last bit


def on(values):
    return {name for name in SOURCES if values[name]}


def recall(engine, values):
    return f"{by_hand(engine, on(values), values['order'], values['n']):.1%}"


def unique(name):
    def recomputed(engine, values):
        having, lacking = (
            by_hand(engine, names, values["order"], values["n"]) for names in (on(values) | {name}, on(values) - {name})
        )
        return f"{round(having - lacking, 12):+z.1%}"

    return recomputed


def factorized(engine, values, *, again):
    """The metric of one cell of the grid: every item scored, the list sorted, users one by one."""
    learned, held_out = last_positives(history(engine))
    users = held_out["user"].unique().sort()
    users = users.sample(min(len(users), USERS_AT_MOST), seed=SEED).sort().to_list()
    weight = float(REGULARIZATIONS[values["weight"]])
    y = als_item_factors(
        liked_matrix(learned, engine.catalogue),
        factors=FACTORS[values["width"]],
        confidence=CONFIDENCE,
        regularization=weight,
        iterations=ITERATIONS,
        seed=SEED,
    )
    source = AlsSource(engine.catalogue, y, confidence=CONFIDENCE, regularization=weight)
    total = 0.0
    for user in users:
        before, later = (set(part.filter(pl.col("user") == user)["item"].to_list()) for part in (learned, held_out))
        batch = RequestBatch.of(held_out_requests(engine)[0][0]).with_history(
            Ragged.from_lists([sorted(before)]), Ragged.from_lists([[]])
        )
        score = y @ source.user_factors(batch)[0]
        score[np.abs(y).sum(axis=1) == 0] = -np.inf
        if not again:
            score[engine.catalogue.rows(np.array(sorted(before)))] = -np.inf
        ranked = engine.catalogue.item[np.argsort(-score, kind="stable")][: np.isfinite(score).sum()].tolist()
        wanted = before if again else later
        if values["metric"] == 0:
            total += len(wanted & set(ranked[:50])) / len(wanted)
        else:
            gain = sum(1 / log2(place + 2) for place, item in enumerate(ranked[:10]) if item in wanted)
            total += gain / sum(1 / log2(place + 2) for place in range(min(10, len(wanted))))
    return f"{total / len(users):.1%}"


_ASKED = {}


def asked(engine, source):
    """The rank that a source, fitted anew, gives to each held-out like, asked one by one."""
    key = (str(engine.release.folder), source)
    if key in _ASKED:
        return _ASKED[key]
    new = take_out(history(engine), engine.catalogue, SEED)
    found = fitted(new, engine.catalogue, SEED)[source]()
    ranks = []
    for n, item in enumerate(new.item.tolist()):
        batch = RequestBatch.of(new.batch.requests[n]).with_history(
            Ragged.from_lists([new.batch.history[n]]), Ragged.from_lists([new.batch.seen[n]])
        )
        items = found.retrieve(batch).item.tolist()
        ranks.append(items.index(item) if item in items else 10**9)
    _ASKED[key] = new, np.array(ranks)
    return _ASKED[key]


def new_item(source):
    def recomputed(engine, values):
        new, ranks = asked(engine, source)
        mine = new.group == min(values["likes"], len(new.likes) - 1)
        return f"{float((ranks[mine] < CUTS[values['cut']]).mean()):.1%}"

    return recomputed


RECOMPUTED = {
    ("sources", "recall"): recall,
    **{("sources", f"unique-{name}"): unique(name) for name in SOURCES},
    ("factors", "held-out"): lambda engine, values: factorized(engine, values, again=False),
    ("factors", "learned"): lambda engine, values: factorized(engine, values, again=True),
    **{("newitem", name): new_item(name) for name in ("item_neighbours", "als", "two_tower", "content")},
}
