"""The auction as a stage: of the ads that may be shown, those that are, in which slot and at which price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortlist.auction.slots import checked_slot_effects
from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import (
    AUCTION_SCORE,
    BID,
    CAMPAIGN,
    CREATIVE,
    KEYWORD,
    PRICE,
    QUALITY,
    RESERVE,
    SELECTION_PROPENSITY,
    SLOT,
    SLOT_EFFECT,
)
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Mechanism

__all__ = ["AuctionSelector", "best_of_each_campaign"]


class AuctionSelector:
    """Runs one auction a request, in which every campaign has one ad: its row with the highest score.

    It reads ``CAMPAIGN``, ``CREATIVE``, ``KEYWORD``, ``BID``, ``RESERVE`` and ``QUALITY`` and adds ``SLOT``, ``PRICE``,
    ``AUCTION_SCORE``, ``SLOT_EFFECT`` and ``SELECTION_PROPENSITY``. The auction draws nothing, so the propensity is 1.
    Equal scores go to the lower campaign key, whatever the order of the rows.

    Args:
        mechanism: allocates and prices.
        slot_effects: ``(K,)``, alpha of each slot; a page has at most K sponsored slots.
    """

    name = "auction"

    def __init__(self, mechanism: Mechanism, slot_effects: Array | Sequence[float]) -> None:
        self._mechanism = mechanism
        self._slot_effects: Float64 = checked_slot_effects(slot_effects)

    def select(self, batch: RequestBatch, candidates: Candidates) -> Candidates:
        """The winners of each request in the order of their slots."""
        score = candidates[QUALITY] * candidates[BID]
        entrant, offsets = best_of_each_campaign(candidates, score)
        weight, bid, reserve = candidates[QUALITY][entrant], candidates[BID][entrant], candidates[RESERVE][entrant]
        rows: list[Int64] = []
        prices: list[Int64] = []
        for number, request in enumerate(batch.requests):
            part = slice(offsets[number], offsets[number + 1])
            slots = min(request.sponsored_slots, len(self._slot_effects))
            if slots == 0 or part.start == part.stop:
                rows.append(np.empty(0, dtype=np.int64))
                prices.append(np.empty(0, dtype=np.int64))
                continue
            outcome = self._mechanism.run(
                weight=weight[part], bid=bid[part], reserve=reserve[part], slot_effects=self._slot_effects[:slots]
            )
            rows.append(entrant[part][outcome.winner])
            prices.append(outcome.price)
        shown = np.cumsum([0, *(len(part) for part in rows)])
        winner = np.concatenate(rows)
        slot = np.arange(len(winner)) - np.repeat(shown[:-1], np.diff(shown)) + 1
        return candidates.arrange(winner, shown).with_columns(
            {
                SLOT: slot,
                PRICE: np.concatenate(prices),
                AUCTION_SCORE: score[winner],
                SLOT_EFFECT: self._slot_effects[slot - 1],
                SELECTION_PROPENSITY: np.ones(len(winner)),
            }
        )


def best_of_each_campaign(candidates: Candidates, score: Float64) -> tuple[Int64, Int64]:
    """Of each campaign the row with the highest score, the lowest keyword and creative among equals.

    Returns:
        Rows by request and campaign key, int64 ``(M,)``, and where each request begins, int64 ``(R + 1,)``. Rows
        that bid less than their reserve cannot win and do not stand for their campaign.
    """
    may_win = np.flatnonzero(candidates[BID] >= candidates[RESERVE])
    request, campaign = candidates.request_index[may_win], candidates[CAMPAIGN][may_win]
    order = np.lexsort(
        (candidates[CREATIVE][may_win], candidates[KEYWORD][may_win], -score[may_win], campaign, request)
    )
    request, campaign = request[order], campaign[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (request[1:] != request[:-1]) | (campaign[1:] != campaign[:-1])
    offsets = np.zeros(candidates.n_requests + 1, dtype=np.int64)
    np.cumsum(np.bincount(request[first], minlength=candidates.n_requests), out=offsets[1:])
    return may_win[order][first], offsets
