"""The vectorised driver of the simulated ad market beside a plain Python loop over the same pages.

Each page is an auction with second prices over the ads that meet its query, clicks by their true chances, and charges
against daily budgets, some of which run out before the day does (the last row). Everything is SIMULATED over invented
items. Time is that of one core; compiling the table of the market is timed apart. The plain loop gets the same table,
and its outcome must be equal to the micro.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from benchmarks.report import Row, median_row
from shortlist.core.clock import HOUR_US
from shortlist.core.counted_draws import counted_uniforms
from shortlist.core.errors import ShortlistError
from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.simulation.ad_driver import AdPages, draw_pages, drive
from shortlist.simulation.ad_table import AdTable
from shortlist.simulation.ad_world import START_US, AdWorld
from shortlist.simulation.arrivals import Arrivals

_DAYS = 7
_PAGES_OF_THE_BUDGETS = 150_000
"""That the campaigns' own budgets are scaled from."""
_COLOURS = ("red", "blue", "green", "white", "black", "amber", "ivory", "coral")
_THINGS = ("kettle", "lamp", "chair", "clock", "mirror", "table", "shelf", "bowl", "vase", "rug", "desk", "stool")


def run(quick: bool, seed: int) -> Sequence[Row]:
    world = AdWorld.draw(_shop(), rng=seed)
    began = time.perf_counter()
    table = AdTable.compile(world, start_us=START_US, days=_DAYS)
    compile_s = time.perf_counter() - began
    share, arrivals = world.queries.share, Arrivals.daily()
    n, few, repeats = (300_000, 5_000, 3) if quick else (3_000_000, 40_000, 7)
    table = replace(table, budget=table.budget * n // _PAGES_OF_THE_BUDGETS)
    drive(table, draw_pages(share, arrivals, 1_000, start_us=START_US, days=_DAYS, rng=seed), seed=seed)

    driven, drawn, plain = [], [], []
    for repeat in range(repeats):
        began = time.perf_counter()
        pages = draw_pages(share, arrivals, n, start_us=START_US, days=_DAYS, rng=seed + repeat)
        had = time.perf_counter()
        outcome = drive(table, pages, seed=seed + repeat)
        ended = time.perf_counter()
        impressions = int(outcome.impressions[0])
        driven.append(impressions / (ended - had) / 1e6)
        drawn.append(impressions / (ended - began) / 1e6)
        sample = AdPages(pages.asked[:few], pages.at_us[:few], pages.arm[:few])
        began = time.perf_counter()
        shown, settled = _plain_loop(table, sample, seed + repeat)
        plain.append(shown / (time.perf_counter() - began) / 1e6)
        again = drive(table, sample, seed=seed + repeat)
        if (shown, settled) != (int(again.impressions[0]), int(again.settled[0])):
            raise ShortlistError("the plain loop and the driver disagree", where="benchmark simulation", fix="mend one")
    what = f"{n:,} pages, {table.ads_a_query:.1f} campaigns a query, {len(table.slot_effects)} slots"
    ratio = np.array(driven) / np.array(plain)
    spent_out = float((outcome.settled_by_day == table.budget[:, None]).mean())
    return [
        _rate("shortlist", f"auction, budgets and clicks: {what}", driven),
        _rate("shortlist", "with the drawing of queries and times", drawn),
        _rate("plain Python loop", f"auction, budgets and clicks: the first {few:,} of them", plain),
        Row(
            "shortlist",
            "times the plain loop",
            float(np.median(ratio)),
            "times",
            float(ratio.min()),
            float(ratio.max()),
        ),
        Row("shortlist", "compiling the market's table, once", compile_s, "s"),
        Row("shortlist", "days of campaigns that ended with the budget spent", spent_out, "share"),
    ]


def _rate(who: str, what: str, sample: list[float]) -> Row:
    row = median_row(who, what, np.array(sample))
    return Row(who, row.what, row.value, "M impressions/s", row.low, row.high)


def _plain_loop(table: AdTable, pages: AdPages, seed: int) -> tuple[int, int]:
    """What one writes first: dictionaries, a sort a page."""
    slots = len(table.slot_effects)
    draws = counted_uniforms(seed, np.arange(len(pages) * slots)).tolist()
    hours = ((pages.at_us - table.start_us) // HOUR_US).tolist()
    alphas, shown = table.slot_effects.tolist(), 0
    spent: dict[tuple[int, int], int] = {}
    columns = (table.campaign, table.weight, table.bid, table.reserve, table.p_click_1)
    ads = list(zip(*(c.tolist() for c in columns), strict=True))
    of_query = [ads[a:b] for a, b in zip(table.offsets[:-1].tolist(), table.offsets[1:].tolist(), strict=True)]
    days, may_run, budget = table.local_day.tolist(), table.may_run.tolist(), table.budget.tolist()
    for page, (query, hour) in enumerate(zip(pages.asked.tolist(), hours, strict=True)):
        running = [
            ad
            for ad in of_query[query]
            if may_run[ad[0]][hour] and spent.get((ad[0], days[ad[0]][hour]), 0) < budget[ad[0]]
        ]
        ranked = sorted(running, key=lambda ad: (-ad[1] * ad[2], ad[0]))
        for slot, (campaign, weight, bid, reserve, p) in enumerate(ranked[:slots]):
            behind = ranked[slot + 1][1] * ranked[slot + 1][2] if slot + 1 < len(ranked) else 0.0
            price = max(min(max(math.ceil(behind / weight - 1e-6), 0), bid), reserve)
            shown += 1
            if draws[page * slots + slot] < alphas[slot] * p:
                account = campaign, days[campaign][hour]
                spent[account] = min(spent.get(account, 0) + price, budget[campaign])
    return shown, sum(spent.values())


def _shop() -> Dataset:
    rows = [
        (n, str(n), f"{colour} {thing} {n}", "", [thing + "s"], "", None, None)
        for n, (colour, thing) in enumerate(((c, t) for c in _COLOURS for t in _THINGS), start=1)
    ]
    return Dataset(
        name="invented shop",
        kind="catalogue",
        items=pl.DataFrame(rows, schema=ITEMS, orient="row"),
        users=pl.DataFrame(schema=USERS),
        interactions=pl.DataFrame(schema=INTERACTIONS),
        judgements=pl.DataFrame(schema=JUDGEMENTS),
        positive_means="",
        licence="invented",
    )
