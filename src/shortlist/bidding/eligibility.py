"""Which campaigns may bid on a request: not paused, started and not ended, open at this hour, with budget left."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np

from shortlist.bidding.campaigns import CampaignBook
from shortlist.bidding.ledger import Ledger
from shortlist.core.campaign import Campaign
from shortlist.core.candidates import Candidates
from shortlist.core.clock import local_time
from shortlist.core.columns import CAMPAIGN
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Dropped, Filtered

__all__ = ["EligibilityFilter", "Reason", "reason_against"]

Reason: TypeAlias = Literal[
    "campaign not in the book", "paused", "not started", "ended", "outside its hours", "budget spent"
]
_REASONS: tuple[Reason, ...] = get_args(Reason)
_NOT_IN_BOOK: Reason = "campaign not in the book"
_SPENT: Reason = "budget spent"
_MAY_BID = -1


class EligibilityFilter:
    """Drops the ads of campaigns that may not bid at the time of the request, each with the reason.

    Args:
        book: gives the campaigns in force.
        ledger: knows what is left of their local day's budget.
    """

    name = "eligible"

    def __init__(self, book: Callable[[], CampaignBook], ledger: Ledger) -> None:
        self._book = book
        self._ledger = ledger

    def filter(self, batch: RequestBatch, candidates: Candidates) -> Filtered:
        """Keeps the ads that may bid; every (request, campaign) is decided once, whatever the number of its ads."""
        campaigns = self._book().campaigns
        keys, place = np.unique(candidates[CAMPAIGN], return_inverse=True)
        pairs, row_pair = np.unique(candidates.request_index * max(1, len(keys)) + place, return_inverse=True)
        request, which = np.divmod(pairs, max(1, len(keys)))
        verdict = np.empty(len(pairs), dtype=np.int64)
        edges = np.searchsorted(request, np.arange(len(batch) + 1)).tolist()
        for asked, (start, end) in zip(batch.requests, pairwise(edges), strict=True):
            if start < end:
                bidders = [campaigns.get(key) for key in keys[which[start:end]].tolist()]
                verdict[start:end] = self._verdicts(bidders, asked.at_us)
        of_row = verdict[row_pair]
        dropped = tuple(
            Dropped(reason, candidates.key[of_row == code]) for code, reason in enumerate(_REASONS) if code in verdict
        )
        return Filtered(of_row == _MAY_BID, dropped)

    def _verdicts(self, bidders: list[Campaign | None], at_us: int) -> list[int]:
        """The place in ``_REASONS`` of what stands against each campaign at an instant, or ``_MAY_BID``."""
        reasons = [_NOT_IN_BOOK if c is None else reason_against(c, at_us) for c in bidders]
        open_ = [number for number, reason in enumerate(reasons) if reason is None]
        left = self._ledger.remaining([c for c in (bidders[number] for number in open_) if c is not None], at_us)
        for number, micros in zip(open_, left.tolist(), strict=True):
            if micros == 0:
                reasons[number] = _SPENT
        return [_MAY_BID if reason is None else _REASONS.index(reason) for reason in reasons]


def reason_against(campaign: Campaign, at_us: int) -> Reason | None:
    """Why a campaign may not run at an instant, its budget apart; None where it may.

    Hours of the schedule are those of the wall clock of the campaign's own time zone: on the day of a clock change an
    hour may come twice or not at all.
    """
    if campaign.paused:
        return "paused"
    if campaign.start_us is not None and at_us < campaign.start_us:
        return "not started"
    if campaign.end_us is not None and at_us >= campaign.end_us:
        return "ended"
    if campaign.schedule:
        now = local_time(at_us, campaign.timezone)
        if not any(
            now.weekday() in hours.weekdays and hours.start_hour <= now.hour < hours.end_hour
            for hours in campaign.schedule
        ):
            return "outside its hours"
    return None
