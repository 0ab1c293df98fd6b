"""``AdWorld``: a simulated market of advertisers over the items of a real catalogue, for both drivers.

Queries, campaigns and the truth about clicks are drawn once. ``ad_stages`` runs it through the real keyword source,
eligibility, ledger and auction, ``ad_table`` and ``ad_driver`` through arrays; the two are tested to be one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.reserve import ReserveHydrator
from shortlist.auction.selector import AuctionSelector
from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.eligibility import EligibilityFilter
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.campaign import Campaign
from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, MATCH_TYPE, QUALITY, Column
from shortlist.core.money import Micros
from shortlist.core.randomness import generator
from shortlist.core.request import Request, RequestBatch
from shortlist.core.settings import AuctionSettings
from shortlist.datasets.dataset import Dataset
from shortlist.features.catalogue import Catalogue
from shortlist.ranking.ad_click_features import AdText
from shortlist.retrieval.keywords import KeywordSource
from shortlist.simulation.advertiser_values import AdvertiserValues
from shortlist.simulation.advertisers import simulated_campaigns
from shortlist.simulation.click_truth import ClickTruth
from shortlist.simulation.queries import Queries, simulated_queries

__all__ = ["START_US", "AdStages", "AdWorld"]

START_US = 1_767_571_200_000_000
"""Monday 5 January 2026, 00:00 UTC: when simulated logs of this market begin."""


@dataclass(frozen=True, slots=True, eq=False)
class AdWorld:
    """The market, and the truth behind it.

    Attributes:
        name: of the data set.
        catalogue: of its items.
        campaigns: what advertisers have told the market.
        queries: with their hidden intents.
        truth: of clicks.
        values: what advertisers want.
        reserve: micros a click.
    """

    name: str
    catalogue: Catalogue
    campaigns: tuple[Campaign, ...]
    queries: Queries
    truth: ClickTruth
    values: AdvertiserValues
    reserve: Micros

    @classmethod
    def draw(cls, dataset: Dataset, *, rng: int = 0) -> AdWorld:
        """A market over the items of a data set."""
        for_campaigns, for_queries, for_truth, _, for_values = _streams(rng)
        catalogue = Catalogue(dataset.items)
        campaigns = simulated_campaigns(dataset, rng=for_campaigns)
        return cls(
            name=dataset.name,
            catalogue=catalogue,
            campaigns=campaigns,
            queries=simulated_queries(dataset, catalogue, rng=for_queries),
            truth=ClickTruth.draw(catalogue, max((c.campaign for c in campaigns), default=0), rng=for_truth),
            values=AdvertiserValues.draw(campaigns, rng=for_values),
            reserve=AuctionSettings().reserve_micros,
        )

    @staticmethod
    def page_stream(rng: int) -> np.random.Generator:
        """What draws pages and clicks of the market that the same seed draws."""
        return _streams(rng)[3]

    def requests(self, asked: Int64, at_us: Int64, numbers: Int64) -> RequestBatch:
        """Search pages: which query each asks, when, and its number; ``(R,)`` each."""
        slots = len(self.truth.slot_effects)
        return RequestBatch.of(
            *(
                Request(
                    request_id=f"simulated-{number}",
                    k=1,
                    at_us=int(at),
                    query=self.queries.text[query],
                    sponsored_slots=slots,
                )
                for number, query, at in zip(numbers.tolist(), asked.tolist(), at_us.tolist(), strict=True)
            )
        )

    def p_click_1(self, asked: Int64, shown: Candidates) -> Float64:
        """The true chance of a click at slot 1 of each row; ``asked`` is the query of each."""
        return self.truth.p_click_1(
            self.queries, asked, self.catalogue.rows(shown.item), shown[CAMPAIGN], shown[MATCH_TYPE]
        )

    @contextmanager
    def stages(self) -> Iterator[AdStages]:
        """The stages that a server runs, over a market in a folder that goes away."""
        with tempfile.TemporaryDirectory() as folder:
            market = open_market(Path(folder) / "market.sqlite")
            ledger = Ledger(market)
            try:
                store = CampaignStore(market)
                store.create_many(self.campaigns)
                yield AdStages(
                    source=KeywordSource(store.index),
                    reserve=ReserveHydrator(self.reserve),
                    eligible=EligibilityFilter(store.book, ledger),
                    quality=_OverlapQuality(AdText(self.catalogue), self.catalogue),
                    auction=AuctionSelector(GeneralizedSecondPrice(), self.truth.slot_effects),
                    ledger=ledger,
                )
            finally:
                ledger.close()
                market.dispose()


class _OverlapQuality:
    """A stand-in for a click model: 0.02 plus 0.1 times the share of the query that the title holds."""

    name = "overlap"

    def __init__(self, text: AdText, catalogue: Catalogue) -> None:
        self._text, self._catalogue = text, catalogue

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        texts = [request.query for request in batch.requests]
        in_title, _, _ = self._text.overlaps(texts, candidates.request_index, self._catalogue.rows(candidates.item))
        return {QUALITY: 0.02 + 0.1 * in_title}


@dataclass(frozen=True, slots=True, eq=False)
class AdStages:
    """The real stages, in the order in which they run."""

    source: KeywordSource
    reserve: ReserveHydrator
    eligible: EligibilityFilter
    quality: _OverlapQuality
    auction: AuctionSelector
    ledger: Ledger

    def entrants(self, batch: RequestBatch) -> Candidates:
        """All ads that meet the queries, with reserve and quality, whether or not they may run now."""
        found = self.source.retrieve(batch)
        found = found.with_columns(self.reserve.hydrate(batch, found))
        return found.with_columns(self.quality.score(batch, found))

    def run(self, batch: RequestBatch) -> Candidates:
        """The winners of each request."""
        entrants = self.entrants(batch)
        return self.auction.select(batch, entrants.keep(self.eligible.filter(batch, entrants).kept))


def _streams(rng: int) -> tuple[np.random.Generator, ...]:
    return tuple(generator(int(seed)) for seed in np.random.SeedSequence(rng).generate_state(5, np.uint64))
