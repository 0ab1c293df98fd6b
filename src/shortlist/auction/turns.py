"""How many ads of a request reach the click model and the auction, shared out fairly among campaigns."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Int64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD
from shortlist.core.errors import ShortlistError
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Dropped, Filtered

__all__ = ["TurnsFilter"]


class TurnsFilter:
    """Keeps at most ``limit`` ads a request; campaigns take turns, so many ads of one crowd out no other campaign.

    In each turn every campaign enters its next ad, its highest bid first; within a turn higher bids go first. A
    campaign is cut only where more ads than ``limit`` may run, and none is left without an ad unless more than
    ``limit`` campaigns bid. To stand behind eligibility, so that ads that may not run take no turn.

    Args:
        limit: ads a request, at least 1.
    """

    name = "turns"

    def __init__(self, limit: int = 2_000) -> None:
        if limit < 1:
            raise ShortlistError(f"a limit of {limit} ads", where="TurnsFilter", fix="give at least 1")
        self.limit = limit

    def filter(self, batch: RequestBatch, candidates: Candidates) -> Filtered:  # noqa: ARG002
        """Keeps the first ``limit`` of each request in the order of turns."""
        counts = np.diff(candidates.request_offsets)
        if counts.max(initial=0) <= self.limit:
            return Filtered(np.ones(len(candidates), dtype=bool), ())
        request, campaign, bid = candidates.request_index, candidates[CAMPAIGN], candidates[BID]
        by_campaign = np.lexsort((candidates[CREATIVE], candidates[KEYWORD], -bid, campaign, request))
        turn = _place_in_run(by_campaign, request, campaign)
        by_turn = np.lexsort((campaign, -bid, turn, request))
        kept = _place_in_run(by_turn, request) < self.limit
        reason = f"more than {self.limit} ads may run: not among the first as campaigns take turns"
        return Filtered(kept, (Dropped(reason, candidates.key[~kept]),))


def _place_in_run(order: Int64, *groups: Int64) -> Int64:
    """The place of each row, from 0, among the rows of its group; ``order`` puts the rows of a group side by side."""
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = np.any([group[order][1:] != group[order][:-1] for group in groups], axis=0)
    start = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - start
    return place
