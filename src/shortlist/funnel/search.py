"""The search page: organic results, and sponsored results sold in an auction. Two funnels over one query."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.quality import QualityScorer
from shortlist.auction.reserve import ReserveHydrator
from shortlist.auction.selector import AuctionSelector
from shortlist.auction.turns import TurnsFilter
from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.eligibility import EligibilityFilter
from shortlist.bidding.ledger import Ledger
from shortlist.core.campaign import Campaign
from shortlist.core.candidates import merge
from shortlist.core.errors import StageFailed
from shortlist.core.page import Page, PolicyRecord, ShownAd
from shortlist.core.request import Request, RequestBatch
from shortlist.core.settings import AuctionSettings, SearchSettings
from shortlist.core.trace import Degradation, Trace
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryStore
from shortlist.funnel.filters import InCatalogueFilter, RowHydrator
from shortlist.funnel.layout import is_sampled, shown_ads, shown_items
from shortlist.funnel.runner import Funnel, Stage, single
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import INLINE_AT_MOST, SourcePool
from shortlist.ranking.ad_click import AdClickScorer
from shortlist.releases.release import Release
from shortlist.reranking.mmr import MMRSelector
from shortlist.retrieval.keywords import KeywordSource
from shortlist.retrieval.load import SEARCH_WEIGHTS, load_search_sources

__all__ = ["Search", "search_funnel", "sponsored_funnel"]


def search_funnel(release: Release, catalogue: Catalogue, settings: SearchSettings, pool: SourcePool) -> Funnel:
    """The stages of the organic results.

    "lexical" is required; without the query tower a page misses what only likeness finds, and says so.
    """
    retrieval = release.folder / "retrieval"
    found = load_search_sources(retrieval, catalogue, limit=settings.candidates_per_source)
    mmr = MMRSelector(found.query_tower.item_vectors, diversity=settings.diversity, temperature=settings.temperature)
    inline = len(catalogue) <= INLINE_AT_MOST
    return Funnel(
        name="search",
        deadline_ms=settings.deadline_ms,
        sources=(
            Stage(found.lexical, settings.source_budget_ms, required=True, inline=inline),
            Stage(found.query_tower, settings.source_budget_ms, inline=inline),
        ),
        combine=partial(merge, weights=SEARCH_WEIGHTS),
        hydrators=(Stage(RowHydrator(catalogue), budget_ms=1.0, required=True),),
        filters=(Stage(InCatalogueFilter(), budget_ms=1.0, required=True),),
        scorers=(Stage(found.relevance, budget_ms=10.0),),
        selector=Stage(mmr, budget_ms=5.0, required=True),
        pool=pool,
    )


def sponsored_funnel(
    release: Release,
    catalogue: Catalogue,
    settings: AuctionSettings,
    pool: SourcePool,
    *,
    campaigns: CampaignStore,
    ledger: Ledger,
) -> Funnel | None:
    """The stages of the sponsored results; None where the release has no model of ad clicks.

    Every stage is required: an ad that could not be checked, predicted or priced is not sold.
    """
    ads = release.folder / "ads"
    if not ads.is_dir():
        return None
    clicks = AdClickScorer.load(ads, catalogue)
    quality = QualityScorer(squashing=settings.squashing, reference=clicks.reference_quality)
    auction = AuctionSelector(GeneralizedSecondPrice(), clicks.slot_effects)
    return Funnel(
        name="sponsored",
        deadline_ms=settings.deadline_ms,
        sources=(Stage(KeywordSource(campaigns.index), settings.deadline_ms, required=True, inline=True),),
        combine=single,
        hydrators=(
            Stage(RowHydrator(catalogue), budget_ms=1.0, required=True),
            Stage(ReserveHydrator(settings.reserve_micros), budget_ms=1.0, required=True),
        ),
        filters=(
            Stage(InCatalogueFilter(), budget_ms=1.0, required=True),
            Stage(EligibilityFilter(campaigns.book, ledger), budget_ms=1.0, required=True),
            Stage(TurnsFilter(), budget_ms=1.0, required=True),
        ),
        scorers=(Stage(clicks, budget_ms=5.0, required=True), Stage(quality, budget_ms=1.0, required=True)),
        selector=Stage(auction, budget_ms=2.0, required=True),
        pool=pool,
    )


class Search:
    """Serves search pages and hands them to the side effects.

    Attributes:
        funnel: the stages of the organic results.
        sponsored: the stages of the sponsored results, None where the release sells none.
    """

    def __init__(
        self,
        funnel: Funnel,
        sponsored: Funnel | None,
        release: Release,
        history: HistoryStore,
        settings: SearchSettings,
        after: SideEffects,
        *,
        campaign_of: Callable[[int], Campaign],
    ) -> None:
        self.funnel, self.sponsored = funnel, sponsored
        self._release, self._history, self._settings = release, history, settings
        self._campaign_of, self._after = campaign_of, after

    def serve(self, request: Request, *, debug: bool = False) -> Page:
        """One page.

        Raises:
            StageFailed: a required stage of the organic results failed; without ads a page is still a page.
        """
        sampled = is_sampled(request, self._settings.scored_sampling_rate)
        batch = RequestBatch.of(request)
        organic = self.funnel.run(batch, debug=debug or sampled)
        ads, sold, missing = self._sponsored(batch, debug=debug or sampled)
        page = Page(
            request_id=request.request_id,
            surface="search",
            user=request.user,
            known_user=self._history.knows(request.user),
            query=request.query,
            release=self._release.version,
            served_us=request.at_us,
            policy=PolicyRecord(
                policy=f"search-mmr-{self._settings.diversity:g}",
                temperature=self._settings.temperature,
                draw_key=request.draw_key,
            ),
            items=shown_items(organic.shown),
            ads=ads,
            degradations=(*organic.trace.degradations, *missing),
            traces=(organic.trace, *sold),
            scored=tuple(row for trace in (organic.trace, *sold) for row in trace.candidates) if sampled else (),
            scored_sampling_rate=self._settings.scored_sampling_rate,
        )
        self._after.submit(page)
        return page

    def _sponsored(
        self, batch: RequestBatch, *, debug: bool
    ) -> tuple[tuple[ShownAd, ...], tuple[Trace, ...], tuple[Degradation, ...]]:
        if batch.requests[0].sponsored_slots == 0:
            return (), (), ()
        if self.sponsored is None:
            reason = "skipped: this release has no model of ad clicks"
            return (), (), (Degradation(stage="funnel", name="sponsored", reason=reason),)
        try:
            run = self.sponsored.run(batch, debug=debug)
        except StageFailed as error:
            return (), (), (Degradation(stage="funnel", name="sponsored", reason=f"failed: {error.what}"),)
        return shown_ads(run.shown, self._campaign_of), (run.trace,), run.trace.degradations
