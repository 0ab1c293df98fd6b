"""A simulated market over a real catalogue, run through the real keyword source, eligibility and auction.

What crosses over to those who learn is what anybody could have recorded: campaigns as JSON and a log of shown ads as
Parquet (``training.ad_log.AD_LOG``). Intents, appeals, trust and examination stay here.

The log's policy knows no click model: it weighs an ad by the words that its title shares with the query. On half of
the pages the winners then stand in a random order, at the prices the auction set, so that slots can be told apart from
the ads in them. Budgets are never spent: the log says what would be clicked, not what would be paid for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.bidding.campaigns_file import write_campaigns
from shortlist.core.arrays import Float64, Int64
from shortlist.core.campaign import Campaign
from shortlist.core.candidates import Candidates
from shortlist.core.clock import HOUR_US
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, MATCH_TYPE, PRICE, SLOT
from shortlist.core.errors import DataError
from shortlist.datasets.dataset import Dataset
from shortlist.simulation.ad_world import START_US, AdWorld
from shortlist.simulation.click_truth import ClickTruth
from shortlist.training.ad_log import AD_LOG

__all__ = ["CAMPAIGNS_FILE", "LOG_FILE", "SimulatedMarket", "simulate_market"]

CAMPAIGNS_FILE = "campaigns.json"
LOG_FILE = "ad_log.parquet"
_DAYS = 14
_PAGES_AT_ONCE = 5_000
_SHUFFLED = 0.5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMarket:
    """What was written, and the truth behind it.

    Attributes:
        campaigns: also in ``campaigns.json``.
        log: also in ``ad_log.parquet``.
        truth: never written.
    """

    campaigns: tuple[Campaign, ...]
    log: pl.DataFrame
    truth: ClickTruth


def simulate_market(
    dataset: Dataset, folder: Path, *, pages: int = 100_000, rng: int = 0, progress: Progress | None = None
) -> SimulatedMarket:
    """Simulate a market over the items of a data set and write its campaigns and its log.

    Args:
        dataset: whose items are advertised and looked for.
        folder: receives ``campaigns.json`` and ``ad_log.parquet``.
        pages: search pages over two weeks; each shows up to four ads.
        rng: a seed; the same seed writes the same files.
        progress: told what is done, how much of it, and how much there is.

    Raises:
        DataError: no query of the market meets an ad.
    """
    folder.mkdir(parents=True, exist_ok=True)  # before the work: a place that cannot be written is told at once
    tell = progress or (lambda _what, _done, _of: None)
    tell("simulated campaigns", 0, 1)
    world = AdWorld.draw(dataset, rng=rng)
    for_pages = AdWorld.page_stream(rng)
    tell("simulated campaigns", 1, 1)

    asked = for_pages.choice(len(world.queries.text), size=pages, p=world.queries.share)
    at_us = START_US + np.sort(for_pages.integers(_DAYS * 24 * HOUR_US, size=pages))
    parts: list[pl.DataFrame] = []
    with world.stages() as stages:
        for start in range(0, pages, _PAGES_AT_ONCE):
            tell("simulated pages", start, pages)
            numbers = np.arange(start, min(start + _PAGES_AT_ONCE, pages))
            shown = stages.run(world.requests(asked[numbers], at_us[numbers], numbers))
            parts.append(_log(shown, world, asked, at_us, start, for_pages))
    tell("simulated pages", pages, pages)
    log = pl.concat(parts)
    if log.is_empty():
        raise DataError(
            "no simulated query meets a simulated ad", where=dataset.name, fix="give items with titles of several words"
        )
    write_campaigns(folder / CAMPAIGNS_FILE, world.campaigns)
    log.write_parquet(folder / LOG_FILE)
    return SimulatedMarket(world.campaigns, log, world.truth)


def _log(
    shown: Candidates, world: AdWorld, asked: Int64, at_us: Int64, start: int, random: np.random.Generator
) -> pl.DataFrame:
    page = start + shown.request_index
    slot, propensity = _shuffle(shown, random)
    click = random.random(len(shown)) < world.truth.slot_effects[slot - 1] * world.p_click_1(asked[page], shown)
    return pl.DataFrame(
        {
            "request": page,
            "at_us": at_us[page],
            "query": [world.queries.text[query] for query in asked[page].tolist()],
            "item": shown.item,
            "campaign": shown[CAMPAIGN],
            "creative": shown[CREATIVE],
            "keyword": shown[KEYWORD],
            "match_type": shown[MATCH_TYPE],
            "bid": shown[BID],
            "price": shown[PRICE],
            "slot": slot,
            "selection_propensity": propensity,
            "click": click,
            "simulated": np.ones(len(shown), dtype=bool),
        },
        schema=AD_LOG,
    ).sort("request", "slot")


def _shuffle(shown: Candidates, random: np.random.Generator) -> tuple[Int64, Float64]:
    """The slot of each winner, and its ``selection_propensity``.

    A page keeps the auction's order with chance ``1 - e``, else all orders of its n winners are equally likely. The
    chance of the first s slots is ``(1 - e) [they are as in the auction] + e (n - s)! / n!``; a slot's propensity is
    the ratio of two of these in a row.
    """
    auction_slot, page = shown[SLOT], shown.request_index
    counts = np.diff(shown.request_offsets)
    shuffled = random.random(shown.n_requests) < _SHUFFLED
    drawn = np.where(shuffled[page], random.random(len(shown)), auction_slot)
    order = np.lexsort((drawn, page))
    slot = np.empty(len(shown), dtype=np.int64)
    slot[order] = auction_slot  # the winners lie in slot order, page by page: these are the slots 1, 2, ... of each

    moved_at = np.full(shown.n_requests, np.iinfo(np.int64).max)
    np.minimum.at(
        moved_at, page, np.where(slot == auction_slot, np.iinfo(np.int64).max, np.minimum(slot, auction_slot))
    )
    factorial = np.array([math.factorial(n) for n in range(int(counts.max(initial=0)) + 1)], dtype=np.float64)
    n = counts[page]

    def chance_of_first(s: Int64) -> Float64:
        kept = s < moved_at[page]
        return np.asarray((1.0 - _SHUFFLED) * kept + _SHUFFLED * factorial[n - s] / factorial[n], dtype=np.float64)

    return slot, chance_of_first(slot) / chance_of_first(slot - 1)
