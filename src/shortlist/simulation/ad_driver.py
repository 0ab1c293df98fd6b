"""The vectorised driver of a market: auctions, clicks and budgets, millions of impressions a second on one core.

A page runs the generalised second price auction of ``auction.gsp`` over ``AdTable``; a click is charged like
``bidding.ledger`` charges it: what is left of the campaign's local day at most, the rest given away. ``ad_funnel``
drives the same world through the real stages; both say the same of every page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.clock import HOUR_US
from shortlist.core.counted_draws import counted_uniform
from shortlist.core.errors import ShortlistError
from shortlist.core.randomness import Rng, generator
from shortlist.simulation.ad_table import AdTable
from shortlist.simulation.arrivals import Arrivals

__all__ = ["AdOutcome", "AdPages", "Shown", "draw_pages", "drive"]


@dataclass(frozen=True, slots=True, eq=False)
class AdPages:
    """Search pages in the order of time.

    Attributes:
        asked: int32 ``(P,)``, which query.
        at_us: int64 ``(P,)``, rising.
        arm: int8 ``(P,)``, which arm of an experiment each page is in; all 0 without one.
    """

    asked: Array
    at_us: Int64
    arm: Array

    def __len__(self) -> int:
        return len(self.asked)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What stood on each page, ``(P, K)``; 0 where nothing did.

    Attributes:
        campaign: int64, keys.
        creative: int64, keys.
        keyword: int64, keys.
        price: int64, micros a click.
        click: bool.
        settled: int64, micros that were charged for it.
    """

    campaign: Int64
    creative: Int64
    keyword: Int64
    price: Int64
    click: Bool
    settled: Int64


@dataclass(frozen=True, slots=True, eq=False)
class AdOutcome:
    """What a stream of pages led to; money in micros.

    Attributes:
        pages: int64 ``(A,)``, by arm.
        impressions: int64 ``(A,)``.
        clicks: int64 ``(A,)``.
        settled: int64 ``(A,)``, charged.
        value: int64 ``(A,)``, what the clicks were worth to the advertisers.
        settled_by_day: int64 ``(C, D)``, by campaign and its local day.
        given_away: int64 ``(C, D)``, clicks beyond the budget.
        shown: None unless it was asked for.
    """

    pages: Int64
    impressions: Int64
    clicks: Int64
    settled: Int64
    value: Int64
    settled_by_day: Int64
    given_away: Int64
    shown: Shown | None


def draw_pages(
    share: Float64, arrivals: Arrivals, n: int, *, start_us: int, days: int, arms: int = 1, rng: Rng = 0
) -> AdPages:
    """A stream of pages; each goes to one of the arms at random.

    Args:
        share: how often each query is asked, ``(Q,)``.
        arrivals: when.
        n: how many.
        start_us: microseconds UTC.
        days: that the stream lasts.
        arms: of an experiment on pages.
        rng: a generator or a seed.
    """
    random = generator(rng)
    at_us = arrivals.draw(n, start_us=start_us, days=days, rng=random)
    upper = np.cumsum(share)
    asked = np.searchsorted(upper, random.random(n) * upper[-1], side="right").astype(np.int32)
    arm = np.zeros(n, dtype=np.int8) if arms == 1 else random.integers(arms, size=n, dtype=np.int8)
    return AdPages(asked, at_us, arm)


def drive(
    table: AdTable, pages: AdPages, *, seed: int, click_factor: tuple[float, ...] = (1.0,), keep_shown: bool = False
) -> AdOutcome:
    """Run the pages.

    Args:
        table: the market.
        pages: within its hours.
        seed: of the clicks: draw ``page K + slot`` of ``counted_draws``.
        click_factor: of each arm: how much more often its ads are clicked than in truth, a larger layout for example.
        keep_shown: every slot of every page, at some cost in memory.

    Raises:
        ShortlistError: a page lies outside of the table's hours, or in an arm without a factor.
    """
    hour = (pages.at_us - table.start_us) // HOUR_US
    arms, n, slots = len(click_factor), len(pages), len(table.slot_effects)
    if n and not (0 <= hour.min() <= hour.max() < table.may_run.shape[1] and pages.arm.max() < arms):
        raise ShortlistError("a page outside of the market's hours or arms", where="drive", fix="compile more days")
    totals = np.zeros((5, arms), dtype=np.int64)
    by_day = np.zeros((2, len(table.budget), table.days), dtype=np.int64)
    kept = n if keep_shown else 0
    row = np.full((kept, slots), -1, dtype=np.int64)
    price, settled = np.zeros((2, kept, slots), dtype=np.int64)
    click = np.zeros((kept, slots), dtype=np.bool_)
    _run(
        *(table.offsets, table.campaign, table.weight, table.bid, table.reserve, table.p_click_1, table.slot_effects),
        *(table.budget, table.click_value, table.local_day, table.may_run),
        *(pages.asked, hour.astype(np.int32), pages.arm, np.array(click_factor), np.uint64(seed)),
        *(totals, by_day, row, price, click, settled),
    )
    shown = None
    if keep_shown:
        there = row >= 0

        def keys(of: Int64) -> Int64:
            return np.where(there, of[row], 0)

        shown = Shown(
            keys(table.campaign_key[table.campaign]), keys(table.creative), keys(table.keyword), price, click, settled
        )
    return AdOutcome(
        pages=totals[0],
        impressions=totals[1],
        clicks=totals[2],
        settled=totals[3],
        value=totals[4],
        settled_by_day=by_day[0],
        given_away=by_day[1],
        shown=shown,
    )


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _run(
    offsets: Int64,
    campaign: Array,
    weight: Float64,
    bid: Int64,
    reserve: Int64,
    p_click_1: Float64,
    slot_effects: Float64,
    budget: Int64,
    click_value: Int64,
    local_day: Array,
    may_run: Bool,
    asked: Array,
    hour: Array,
    arm: Array,
    click_factor: Float64,
    seed: np.uint64,
    totals: Int64,
    by_day: Int64,
    row: Int64,
    price: Int64,
    click: Bool,
    settled: Int64,
) -> None:
    slots = len(slot_effects)
    in_slot = np.empty(slots + 1, dtype=np.int64)
    may_bid = np.zeros(len(budget), dtype=np.bool_)
    now = -1
    for page in range(len(asked)):
        h, a = hour[page], arm[page]
        if h != now:
            now = h
            for c in range(len(budget)):
                may_bid[c] = may_run[c, h] and by_day[0, c, local_day[c, h]] < budget[c]
        found, end = 0, offsets[asked[page] + 1]
        n = offsets[asked[page]]
        while n < end and found <= slots:
            if may_bid[campaign[n]]:
                in_slot[found] = n
                found += 1
            n += 1
        totals[0, a] += 1
        for slot in range(min(found, slots)):
            n = in_slot[slot]
            behind = 0.0
            if slot + 1 < found:
                behind = weight[in_slot[slot + 1]] * bid[in_slot[slot + 1]]
            # As ``core.money.price_micros``: up to a whole micro, at most the bid, at least the reserve.
            pays = max(min(max(int(np.ceil(behind / weight[n] - 1e-6)), 0), bid[n]), reserve[n])
            clicked = counted_uniform(seed, np.uint64(page * slots + slot)) < (
                slot_effects[slot] * p_click_1[n] * click_factor[a]
            )
            charged = 0
            if clicked:
                c = campaign[n]
                day = local_day[c, h]
                charged = min(pays, budget[c] - by_day[0, c, day])
                by_day[0, c, day] += charged
                by_day[1, c, day] += pays - charged
                may_bid[c] = by_day[0, c, day] < budget[c]
                totals[2, a] += 1
                totals[3, a] += charged
                totals[4, a] += click_value[c]
            totals[1, a] += 1
            if len(row):
                row[page, slot], price[page, slot], click[page, slot] = n, pays, clicked
                settled[page, slot] = charged
