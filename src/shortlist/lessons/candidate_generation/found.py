"""What every set of sources finds: the release's held-out requests, retrieved once and merged for each set and order.

A set of sources is a bit mask over ``SOURCES``. Its list is what the feed's own combine and filters make of what those
sources found, in one of three orders. Only the ranks of the positives are kept: recall at any cut is a sum over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.errors import NotFound
from shortlist.core.request import RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.funnel.feed import all_ranked
from shortlist.funnel.runner import Funnel
from shortlist.lessons.the_funnel.held_out import held_out_requests
from shortlist.retrieval.fusion.interleave import interleave
from shortlist.retrieval.fusion.order import ordered_by
from shortlist.retrieval.fusion.reciprocal_rank import reciprocal_rank

__all__ = ["FIRST", "HEAD", "MOST", "ORDERS", "SOURCES", "Found", "found", "ordered", "retrieved"]

SOURCES = ("popular", "item_neighbours", "als", "two_tower")
ORDERS = ("as the feed merges", "reciprocal rank, all alike", "taking turns")
MOST = 400
HISTORY_FILE = "history.parquet"
HEAD, FIRST = 100, 50
"""The most liked items, and how many rows of each source are looked through for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Recall of every set of sources.

    Attributes:
        held: bits of the sources that the release has.
        curves: float64 ``(MOST + 1,)`` a set and order: mean recall of the first 0, 1, 2, … rows.
        sizes: rows a request, a set.
        only: rows a request that a source alone of all sources found, by its bit.
        head: share of the ``HEAD`` most liked items among each source's ``FIRST`` rows, by its bit.
        different: how many different items these rows hold over all requests.
        liked_head: share of all likes before the requests that went to those most liked items.
        n_requests: how many requests the recalls are means over.
    """

    held: int
    curves: Mapping[tuple[int, int], Float64]
    sizes: Mapping[int, float]
    only: Mapping[int, float]
    head: Mapping[int, float]
    different: Mapping[int, int]
    liked_head: float
    n_requests: int

    def recall(self, sources: int, order: int, kept: int) -> float:
        """Recall of the first ``kept`` rows of the list that a set of sources makes; 0 for none."""
        sources &= self.held
        return round(float(self.curves[sources, order][kept]), 12) if sources else 0.0

    def size(self, sources: int) -> float:
        """Rows a request."""
        sources &= self.held
        return self.sizes[sources] if sources else 0.0

    def unique(self, sources: int, bit: int, order: int, kept: int) -> float:
        """What the list has because of one source: recall with it less recall without it, all others as they are."""
        having, lacking = self.recall(sources | 1 << bit, order, kept), self.recall(sources & ~(1 << bit), order, kept)
        return round(having - lacking, 12)


def found(engine: Engine) -> Found:
    """Retrieve for the held-out requests, and merge every set of sources in every order.

    Raises:
        NotFound: the release holds no held-out requests, or none of the sources.
    """
    requests, positives = held_out_requests(engine)
    funnel = all_ranked(engine.feed.funnel)
    batch, lists = retrieved(funnel, RequestBatch.of(*requests))
    if not lists:
        raise NotFound("this release has none of the sources", where="feed", fix="train it on data with users")
    held = sum(1 << bit for bit in lists)
    curves: dict[tuple[int, int], Float64] = {}
    sizes: dict[int, float] = {}
    only: dict[int, float] = {}
    for sources in range(1, held + 1):
        if sources & ~held:
            continue
        merged = combined(funnel, batch, [each for bit, each in lists.items() if sources >> bit & 1])
        sizes[sources] = len(merged) / len(batch)
        if sources == held:
            alone = merged.source_mask
            only = {bit: float((alone == np.uint64(1 << place)).sum()) / len(batch) for place, bit in enumerate(lists)}
        for order in range(len(ORDERS)):
            curves[sources, order] = _curve(ordered(merged, order), positives)
    most_liked, liked_head = _head(engine, before_us=min(request.at_us for request in requests))
    first = {bit: each.item[each.source_rank[:, 0] < FIRST] for bit, each in lists.items()}
    return Found(
        held=held,
        curves=curves,
        sizes=sizes,
        only=only,
        head={bit: float(np.isin(item, most_liked).mean()) for bit, item in first.items()},
        different={bit: len(np.unique(item)) for bit, item in first.items()},
        liked_head=liked_head,
        n_requests=len(batch),
    )


def retrieved(funnel: Funnel, batch: RequestBatch) -> tuple[RequestBatch, dict[int, Candidates]]:
    """The requests with their histories, and what each of ``SOURCES`` found, by its bit."""
    for looker in funnel.query_hydrators:
        batch = looker.component.hydrate_query(batch)
    held = {stage.component.name: stage.component for stage in funnel.sources}
    return batch, {bit: held[name].retrieve(batch) for bit, name in enumerate(SOURCES) if name in held}


def combined(funnel: Funnel, batch: RequestBatch, lists: Sequence[Candidates]) -> Candidates:
    """What the feed makes of some sources' lists before it ranks them: merged and filtered."""
    merged = funnel.combine(lists)
    for hydrator in funnel.hydrators:
        merged = merged.with_columns(hydrator.component.hydrate(batch, merged))
    for gate in funnel.filters:
        merged = merged.keep(gate.component.filter(batch, merged).kept)
    return merged


def ordered(merged: Candidates, order: int) -> Candidates:
    """The rows in one of ``ORDERS``, each request's best first."""
    if order == 0:
        return ordered_by(merged, merged[RETRIEVAL_SCORE])
    return ordered_by(merged, (reciprocal_rank if order == 1 else interleave)(merged, {}))


def _head(engine: Engine, *, before_us: int) -> tuple[Int64, float]:
    """The most liked items before an instant, and their share of all likes until then."""
    log = pl.read_parquet(engine.release.folder / HISTORY_FILE).filter(
        pl.col("positive") & (pl.col("at_us") < before_us)
    )
    counts = log.group_by("item").len().sort(["len", "item"], descending=True)
    return counts["item"].head(HEAD).to_numpy(), float(counts["len"].head(HEAD).sum()) / max(len(log), 1)


def _curve(candidates: Candidates, positives: Ragged) -> Float64:
    request = candidates.request_index
    hit = positives.contains(request, candidates.item)
    place = (np.arange(len(candidates)) - candidates.request_offsets[request])[hit]
    share = 1.0 / positives.lengths[request[hit]]
    gained = np.bincount(place[place < MOST], weights=share[place < MOST], minlength=MOST)
    return np.concatenate([[0.0], np.cumsum(gained)]) / candidates.n_requests
