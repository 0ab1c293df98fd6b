"""Which campaigns may bid on a request: not paused, started and not ended, open at this hour, with budget left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

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
_REASONS: tuple[Reason, ...] = (
    "campaign not in the book",
    "paused",
    "not started",
    "ended",
    "outside its hours",
    "budget spent",
)


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
        verdict = np.empty(len(pairs), dtype=np.int64)
        for number, pair in enumerate(pairs):
            request, which = divmod(int(pair), len(keys))
            reason = self._reason(campaigns.get(int(keys[which])), batch.requests[request].at_us)
            verdict[number] = -1 if reason is None else _REASONS.index(reason)
        of_row = verdict[row_pair]
        dropped = tuple(
            Dropped(reason, candidates.key[of_row == code]) for code, reason in enumerate(_REASONS) if code in verdict
        )
        return Filtered(of_row == -1, dropped)

    def _reason(self, campaign: Campaign | None, at_us: int) -> Reason | None:
        if campaign is None:
            return "campaign not in the book"
        against = reason_against(campaign, at_us)
        if against is None and self._ledger.remaining([campaign], at_us)[0] == 0:
            return "budget spent"
        return against


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
