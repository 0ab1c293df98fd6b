"""``AdTable``: a market compiled for millions of auctions a second.

Bids, quality and reserves of a query's ads do not change from page to page; what changes is who may take part. So the
ads of each query are put in the order of their scores once, by the real stages. An auction is then a walk down that
order past the campaigns that are shut or have spent their day: the first K that may run win, and each one's price is
set by the next that may run. Sorting is paid for once a query, not once a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.auction.selector import best_of_each_campaign
from shortlist.bidding.eligibility import reason_against
from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.campaign import Campaign
from shortlist.core.clock import HOUR_US, local_day
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, QUALITY, RESERVE
from shortlist.core.errors import ShortlistError
from shortlist.simulation.ad_world import AdWorld

__all__ = ["AdTable"]


@dataclass(frozen=True, slots=True, eq=False)
class AdTable:
    """``N`` ads of ``Q`` queries and ``C`` campaigns over ``H`` hours.

    Attributes:
        offsets: int64 ``(Q + 1,)``.
        campaign: int32 ``(N,)``, places in ``campaign_key``.
        creative: int64 ``(N,)``, keys.
        keyword: int64 ``(N,)``, keys.
        weight: float64 ``(N,)``.
        bid: int64 ``(N,)``, micros a click.
        reserve: int64 ``(N,)``, micros a click.
        p_click_1: float64 ``(N,)``, the true chance.
        slot_effects: float64 ``(K,)``, the true ones.
        campaign_key: int64 ``(C,)``.
        budget: int64 ``(C,)``, micros a local day.
        click_value: int64 ``(C,)``, micros.
        start_us: when the first hour begins.
        local_day: int16 ``(C, H)``, the number of the campaign's local day, from 0.
        may_run: bool ``(C, H)``, its budget apart.
    """

    offsets: Int64
    campaign: Array
    creative: Int64
    keyword: Int64
    weight: Float64
    bid: Int64
    reserve: Int64
    p_click_1: Float64
    slot_effects: Float64
    campaign_key: Int64
    budget: Int64
    click_value: Int64
    start_us: int
    local_day: Array
    may_run: Bool

    @classmethod
    def compile(cls, world: AdWorld, *, start_us: int, days: int) -> AdTable:
        """Run the stages once for each query, and the calendars of the campaigns once for each hour.

        Args:
            world: the market.
            start_us: a whole hour, microseconds UTC.
            days: of 24 hours.

        Raises:
            ShortlistError: ``start_us``, or the day of a campaign's time zone, does not begin at a whole hour of UTC.
        """
        ordered = sorted(world.campaigns, key=lambda c: c.campaign)
        hours = start_us + HOUR_US * np.arange(24 * days, dtype=np.int64)
        queries = np.arange(len(world.queries.text))
        with world.stages() as stages:
            ads = stages.entrants(world.requests(queries, np.full(len(queries), start_us), queries))
        score = ads[QUALITY] * ads[BID]
        row, offsets = best_of_each_campaign(ads, score)
        of = ads.request_index[row]
        row = row[np.lexsort((ads[CAMPAIGN][row], -score[row], of))]
        keys = np.array([c.campaign for c in ordered], dtype=np.int64)
        shown = ads.arrange(row, offsets)
        return cls(
            offsets=offsets,
            campaign=np.searchsorted(keys, shown[CAMPAIGN]).astype(np.int32),
            creative=shown[CREATIVE],
            keyword=shown[KEYWORD],
            weight=shown[QUALITY],
            bid=shown[BID],
            reserve=shown[RESERVE],
            p_click_1=world.p_click_1(shown.request_index, shown),
            slot_effects=world.truth.slot_effects,
            campaign_key=keys,
            budget=np.array([c.daily_budget for c in ordered], dtype=np.int64),
            click_value=world.values.click_value[keys],
            start_us=start_us,
            local_day=_local_days(ordered, hours),
            may_run=np.array([[reason_against(c, at) is None for at in hours.tolist()] for c in ordered]),
        )

    @property
    def days(self) -> int:
        """Local days that any campaign sees."""
        return int(self.local_day.max(initial=0)) + 1

    @property
    def ads_a_query(self) -> float:
        """Mean number of campaigns that meet a query."""
        return float(np.diff(self.offsets).mean())


def _local_days(campaigns: Sequence[Campaign], hours: Int64) -> Array:
    by_zone: dict[str, Array] = {}
    for zone in {c.timezone for c in campaigns}:
        starts = np.array([local_day(at, zone)[0] for at in hours.tolist()])
        if hours[0] % HOUR_US or (starts % HOUR_US).any():
            raise ShortlistError(
                "a day does not begin at a whole hour of UTC", where=zone, fix="use time zones with whole hours"
            )
        by_zone[zone] = np.unique(starts, return_inverse=True)[1].astype(np.int16)
    return np.stack([by_zone[c.timezone] for c in campaigns])
