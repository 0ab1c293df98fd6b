"""A simulated market over a real catalogue, run through the real keyword source, eligibility and auction.

What crosses over to those who learn is what anybody could have recorded: campaigns as JSON and a log of shown ads as
Parquet (``training.ad_log.AD_LOG``). Intents, appeals, trust and examination stay here.

The log's policy knows no click model: it weighs an ad by the words that its title shares with the query. On half of
the pages the winners then stand in a random order, at the prices the auction set, so that slots can be told apart from
the ads in them. Budgets are never spent: the log says what would be clicked, not what would be paid for.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.reserve import ReserveHydrator
from shortlist.auction.selector import AuctionSelector
from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.campaigns_file import write_campaigns
from shortlist.bidding.eligibility import EligibilityFilter
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.campaign import Campaign
from shortlist.core.candidates import Candidates
from shortlist.core.clock import HOUR_US
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, MATCH_TYPE, PRICE, QUALITY, SLOT, Column
from shortlist.core.errors import DataError
from shortlist.core.randomness import generator
from shortlist.core.request import Request, RequestBatch
from shortlist.core.settings import AuctionSettings
from shortlist.datasets.dataset import Dataset
from shortlist.features.catalogue import Catalogue
from shortlist.ranking.ad_click_features import AdText
from shortlist.retrieval.keywords import KeywordSource
from shortlist.simulation.advertisers import simulated_campaigns
from shortlist.simulation.click_truth import ClickTruth
from shortlist.simulation.queries import Queries, simulated_queries
from shortlist.training.ad_log import AD_LOG

__all__ = ["CAMPAIGNS_FILE", "LOG_FILE", "SimulatedMarket", "simulate_market"]

CAMPAIGNS_FILE = "campaigns.json"
LOG_FILE = "ad_log.parquet"
START_US = 1_767_571_200_000_000
"""Monday 5 January 2026, 00:00 UTC: when the simulated log begins."""
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
    tell = progress or (lambda _what, _done, _of: None)
    for_campaigns, for_queries, for_truth, for_pages = (
        generator(int(seed)) for seed in np.random.SeedSequence(rng).generate_state(4, np.uint64)
    )
    catalogue = Catalogue(dataset.items)
    tell("simulated campaigns", 0, 1)
    campaigns = simulated_campaigns(dataset, rng=for_campaigns)
    queries = simulated_queries(dataset, catalogue, rng=for_queries)
    truth = ClickTruth.draw(catalogue, max((c.campaign for c in campaigns), default=0), rng=for_truth)
    tell("simulated campaigns", 1, 1)

    asked = for_pages.choice(len(queries.text), size=pages, p=queries.share)
    at_us = START_US + np.sort(for_pages.integers(_DAYS * 24 * HOUR_US, size=pages))
    parts: list[pl.DataFrame] = []
    with _stages(campaigns, truth) as (source, eligible, auction):
        guess = _OverlapQuality(AdText(catalogue), catalogue)
        for start in range(0, pages, _PAGES_AT_ONCE):
            tell("simulated pages", start, pages)
            numbers = np.arange(start, min(start + _PAGES_AT_ONCE, pages))
            batch = _batch(queries, asked[numbers], at_us[numbers], numbers, slots=len(truth.slot_effects))
            found = source.retrieve(batch)
            found = found.with_columns(ReserveHydrator(AuctionSettings().reserve_micros).hydrate(batch, found))
            found = found.keep(eligible.filter(batch, found).kept)
            shown = auction.select(batch, found.with_columns(guess.score(batch, found)))
            parts.append(_log(shown, catalogue, queries, asked, at_us, start, truth, for_pages))
    tell("simulated pages", pages, pages)
    log = pl.concat(parts)
    if log.is_empty():
        raise DataError(
            "no simulated query meets a simulated ad", where=dataset.name, fix="give items with titles of several words"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_campaigns(folder / CAMPAIGNS_FILE, campaigns)
    log.write_parquet(folder / LOG_FILE)
    return SimulatedMarket(campaigns, log, truth)


class _OverlapQuality:
    """The log's stand-in for a click model: 0.02 plus 0.1 times the share of the query that the title holds."""

    def __init__(self, text: AdText, catalogue: Catalogue) -> None:
        self._text, self._catalogue = text, catalogue

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        texts = [request.query for request in batch.requests]
        in_title, _, _ = self._text.overlaps(texts, candidates.request_index, self._catalogue.rows(candidates.item))
        return {QUALITY: 0.02 + 0.1 * in_title}


@contextmanager
def _stages(
    campaigns: tuple[Campaign, ...], truth: ClickTruth
) -> Iterator[tuple[KeywordSource, EligibilityFilter, AuctionSelector]]:
    """The stages that a server runs, over a market in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        market = open_market(Path(folder) / "market.sqlite")
        ledger = Ledger(market)
        try:
            store = CampaignStore(market)
            store.create_many(campaigns)
            yield (
                KeywordSource(store.index),
                EligibilityFilter(store.book, ledger),
                AuctionSelector(GeneralizedSecondPrice(), truth.slot_effects),
            )
        finally:
            ledger.close()
            market.dispose()


def _batch(queries: Queries, asked: Int64, at_us: Int64, numbers: Int64, *, slots: int) -> RequestBatch:
    return RequestBatch.of(
        *(
            Request(
                request_id=f"simulated-{number}", k=1, at_us=int(at), query=queries.text[query], sponsored_slots=slots
            )
            for number, query, at in zip(numbers.tolist(), asked.tolist(), at_us.tolist(), strict=True)
        )
    )


def _log(
    shown: Candidates,
    catalogue: Catalogue,
    queries: Queries,
    asked: Int64,
    at_us: Int64,
    start: int,
    truth: ClickTruth,
    random: np.random.Generator,
) -> pl.DataFrame:
    page = start + shown.request_index
    slot, propensity = _shuffle(shown, random)
    p_click_1 = truth.p_click_1(queries, asked[page], catalogue.rows(shown.item), shown[CAMPAIGN], shown[MATCH_TYPE])
    click = random.random(len(shown)) < truth.slot_effects[slot - 1] * p_click_1
    return pl.DataFrame(
        {
            "request": page,
            "at_us": at_us[page],
            "query": [queries.text[query] for query in asked[page].tolist()],
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
