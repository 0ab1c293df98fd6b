"""Lists as the release's ranker orders them for people whose later likes are known: what a ranking loss is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.core.columns import RANK_SCORE
from shortlist.core.errors import NotFound
from shortlist.core.request import RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.funnel.feed import all_ranked
from shortlist.learning.calibration.calibrator import inside, logit
from shortlist.lessons.the_funnel.held_out import held_out_requests

__all__ = ["LENGTH", "LISTS", "RankedList", "ranked_lists"]

LISTS, LENGTH = 8, 10
"""Lists that are offered, and items in each."""
ASKED_AT_MOST = 60
CHUNK = 20


@dataclass(frozen=True, slots=True, eq=False)
class RankedList:
    """The first items of one held-out request, best first.

    Attributes:
        titles: of the items.
        score: float64 ``(n,)``, log odds of a like, by the ranker.
        liked: int64 ``(n,)``, 1 where the user went on to like it.
    """

    titles: tuple[str, ...]
    score: Float64
    liked: Int64


def ranked_lists(engine: Engine) -> tuple[RankedList, ...]:
    """Those with the most pairs to tell apart, at most ``LISTS``; first those that a swap of their ends would spoil.

    Raises:
        NotFound: the release holds no held-out request whose first items were liked in part.
    """
    requests, positives = held_out_requests(engine)
    found: list[RankedList] = []
    asked, funnel = requests[:ASKED_AT_MOST], all_ranked(engine.feed.funnel)
    for start in range(0, len(asked), CHUNK):
        scored = funnel.run(RequestBatch.of(*asked[start : start + CHUNK]), patient=True).scored
        for r in range(scored.n_requests):
            rows = np.arange(len(scored))[scored.rows_of(r)]
            rows = rows[np.argsort(-scored[RANK_SCORE][rows], kind="stable")][:LENGTH]
            item = scored.item[rows]
            found.append(
                RankedList(
                    titles=tuple(engine.catalogue.titles[row] for row in engine.catalogue.rows(item).tolist()),
                    score=logit(inside(scored[RANK_SCORE][rows])),
                    liked=np.isin(item, positives[start + r]).astype(np.int64),
                )
            )
    mixed = [each for each in found if len(each.titles) == LENGTH and 0 < each.liked.sum() < LENGTH]
    if not mixed:
        raise NotFound(
            "no held-out list has likes among its first items", where="requests", fix="train it on more data"
        )
    mixed.sort(key=lambda each: -int(each.liked.sum() * (LENGTH - each.liked.sum())))
    return tuple(sorted(mixed[:LISTS], key=lambda each: int(each.liked[-1] - each.liked[0])))
