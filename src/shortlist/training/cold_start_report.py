"""How a feed does by what is known of a user and of an item: recall of every source and NDCG of the feed, a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.clock import HOUR_US
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.fresh import FreshSource
from shortlist.retrieval.little_known import times_met
from shortlist.training.report import Figure, Stage, figure
from shortlist.training.requests import LabelledRequests

__all__ = ["ColdStartReport"]

_RECALL_AT, _NDCG_AT = 50, 10
_DAY_US = 24 * HOUR_US

_LIKES = ((0, "none"), (1, "1 to 4"), (5, "5 to 19"), (20, "20 to 49"), (50, "50 and more"))
_MET = ((0, "never"), (1, "1 to 9"), (10, "10 to 49"), (50, "50 to 199"), (200, "200 and more"))
_DAYS = ((0, "under a week"), (7, "under a month"), (30, "under a year"), (365, "1 to 5 years"), (1826, "older"))

Edges = tuple[tuple[int, str], ...]


@dataclass(eq=False)
class ColdStartReport:
    """Collects, batch by batch, what each source found of the likes in each bucket.

    A like's item is put into a bucket as the released models saw it: how often they met it, and how old it was at the
    request. Recall and NDCG of a bucket look at the likes in it alone: all of a bucket's likes, and none but those, are
    what is to be found.

    Attributes:
        met: int64 ``(V + 1,)``, how often each row was met before the models were frozen.
        appeared_us: int64 ``(V + 1,)``, when each row appeared, as the source "fresh" counts it.
        catalogue: turns keys into rows.
    """

    met: Int64
    appeared_us: Int64
    catalogue: Catalogue
    _parts: dict[tuple[str, str, str], list[Float64]] = field(default_factory=dict)

    @classmethod
    def of(cls, interactions: pl.DataFrame, catalogue: Catalogue) -> ColdStartReport:
        """Nothing collected yet; ``interactions`` are those that the released models were fitted on."""
        fresh = FreshSource.fit(interactions, catalogue)
        return cls(times_met(interactions, catalogue), fresh.appeared_us, catalogue)

    def keep(self, who: str, candidates: Candidates, score: Array, part: LabelledRequests, *, ranked: bool) -> None:
        """What ``who`` found for a batch of requests, in the order of ``score``.

        Args:
            who: a source, the merge, or the ranked feed.
            candidates: what it found.
            score: ``(N,)``, higher is better.
            part: the requests with what their users then liked.
            ranked: whether it is the feed's final order, which NDCG is of; recall is of all others.
        """
        row = self.catalogue.rows(part.liked.values)
        now_us = np.array([request.at_us for request in part.batch.requests], dtype=np.int64)[part.liked.segment]
        whole = np.zeros(len(row), dtype=np.int64)
        for title, edges, value in (
            ("", ((0, ""),), whole),
            ("met", _MET, self.met[row]),
            ("age", _DAYS, np.maximum(now_us - self.appeared_us[row], 0) // _DAY_US),
        ):
            bucket = _bucket(value, edges)
            for number, (_, name) in enumerate(edges):
                liked = _only(part.liked, bucket == number)
                figures = _ndcg(candidates, score, liked) if ranked else _recall(candidates, score, liked)
                self._parts.setdefault((title, name, who), []).append(figures)

    def stages(self, requests: LabelledRequests, *, seed: int) -> tuple[Stage, ...]:
        """Three tables: by likes before the request, by how often the liked item was met, and by its age.

        Args:
            requests: all whose parts were collected, in that order.
            seed: of the intervals.
        """
        values = {key: np.concatenate(parts) for key, parts in self._parts.items()}
        likes = _bucket(requests.batch.history.lengths, _LIKES)
        whos = list(dict.fromkeys(who for _, _, who in values))
        by_likes = [
            (who, name, np.where(likes == number, values["", "", who], np.nan))
            for who in whos
            for number, (_, name) in enumerate(_LIKES)
        ]
        counts = np.bincount(likes, minlength=len(_LIKES)).tolist()
        told = ", ".join(f"{name}: {count:,}" for (_, name), count in zip(_LIKES, counts, strict=True) if count)
        stages = [_stage("likes before the request", f"requests: {told}", by_likes, requests, seed)]
        for title, what, edges in (
            ("met", "how often the models had met the liked item", _MET),
            ("age", "age of the liked item at the request", _DAYS),
        ):
            rows = [(who, name, values[title, name, who]) for who in whos for _, name in edges]
            stages.append(_stage(what, "each column counts the likes of such items alone", rows, requests, seed))
        return tuple(stages)


def _stage(
    what: str, note: str, rows: Sequence[tuple[str, str, Float64]], requests: LabelledRequests, seed: int
) -> Stage:
    figures: list[Figure] = [
        figure(who, name, clustered_interval(value, requests.users, rng=seed))
        for who, name, value in rows
        if np.isfinite(value).any()
    ]
    return Stage(
        title=f"by {what}",
        note=f"recall@{_RECALL_AT}, and NDCG@{_NDCG_AT} where the line says so; {note}",
        figures=tuple(figures),
    )


def _bucket(value: Int64, edges: Edges) -> Int64:
    """The last edge that each value reaches.

    Example:
        >>> _bucket(np.array([0, 4, 5, 900]), _LIKES).tolist()
        [0, 1, 2, 4]
    """
    return np.searchsorted([low for low, _ in edges], value, side="right").astype(np.int64) - 1


def _only(lists: Ragged, mask: Array) -> Ragged:
    counts = np.bincount(lists.segment[mask], minlength=len(lists))
    return Ragged(lists.values[mask], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _recall(candidates: Candidates, score: Array, liked: Ragged) -> Float64:
    hit = liked.contains(candidates.request_index, candidates.item)
    offsets = candidates.request_offsets
    return recall(score, hit, candidates.item, offsets, n_relevant=liked.lengths, k=_RECALL_AT)


def _ndcg(candidates: Candidates, score: Array, liked: Ragged) -> Float64:
    grade = liked.contains(candidates.request_index, candidates.item).astype(np.int64)
    ideal = Ragged(np.ones(len(liked.values), dtype=np.int64), liked.offsets)
    return ndcg(score, grade, candidates.item, candidates.request_offsets, ideal=ideal, k=_NDCG_AT)
