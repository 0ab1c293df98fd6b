"""The feed: what one user may like next."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from shortlist.core.candidates import merge
from shortlist.core.errors import NotFound
from shortlist.core.page import Page, PolicyRecord
from shortlist.core.request import Request, RequestBatch
from shortlist.core.settings import FeedSettings
from shortlist.core.stages import Hydrator
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryHydrator, HistoryStore
from shortlist.funnel.filters import InCatalogueFilter, LittleKnownHydrator, PreRankingFilter, RowHydrator, SeenFilter
from shortlist.funnel.layout import is_sampled, shown_items
from shortlist.funnel.runner import Funnel, Stage
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import INLINE_AT_MOST, SourcePool
from shortlist.ranking.feed_ranker import FeedRanker
from shortlist.releases.release import Release
from shortlist.reranking.exploration import Exploration
from shortlist.reranking.mmr import MMRSelector
from shortlist.retrieval.little_known import LittleKnownSource
from shortlist.retrieval.load import FEED_WEIGHTS, load_feed_sources, load_little_known
from shortlist.retrieval.two_tower import TwoTowerSource

__all__ = ["Feed", "all_ranked", "feed_funnel", "feed_policy"]


def feed_policy(settings: FeedSettings) -> str:
    """The id of the policy that serves with these settings.

    Example:
        >>> feed_policy(FeedSettings(diversity=0.5)), feed_policy(FeedSettings(exploration=0.1))
        ('feed-mmr-0.5', 'feed-mmr-0.2-explore-0.1-met-below-20')
    """
    plain = f"feed-mmr-{settings.diversity:g}"
    explored = f"-explore-{settings.exploration:g}-met-below-{settings.little_known_below}"
    return plain + explored if settings.exploration > 0.0 else plain


def feed_funnel(
    release: Release, catalogue: Catalogue, history: HistoryStore, settings: FeedSettings, pool: SourcePool
) -> Funnel | None:
    """The stages of a release's feed; None where its data set has no users.

    "popular" is required, for it needs nothing but the release: a page without any other source is still a page.
    Without the ranker the page keeps the order of the merge and says so. With exploration one more source brings
    little-known items; without it they are what the others find.

    Args:
        release: opened, and so verified.
        catalogue: the release's items, and those that were added.
        history: what users did.
        settings: budgets, temperatures, exploration.
        pool: threads for the sources.
    """
    retrieval, ranking = release.folder / "retrieval", release.folder / "ranking" / "feed"
    limit = settings.candidates_per_source
    sources = load_feed_sources(retrieval, catalogue, limit=limit)
    if not sources:
        return None
    towers = next(source for source in sources if isinstance(source, TwoTowerSource))
    hydrators: tuple[Stage[Hydrator], ...] = (Stage(RowHydrator(catalogue), budget_ms=1.0, required=True),)
    exploration: Exploration | None = None
    if settings.exploration > 0.0:
        little_known = load_little_known(retrieval, catalogue, towers, below=settings.little_known_below, limit=limit)
        sources = (*sources, little_known)
        marked = LittleKnownHydrator(catalogue, little_known.little_known)
        hydrators = (*hydrators, Stage(marked, budget_ms=1.0, required=True))
        exploration = Exploration(settings.exploration, settings.exploration_temperature)
    mmr = MMRSelector(
        towers.item_vectors,
        diversity=settings.diversity,
        temperature=settings.temperature,
        exploration=exploration,
    )
    ranker = FeedRanker.load(ranking, catalogue.base)
    if len(catalogue.added):
        ranker = ranker.extended(catalogue, towers.item_vectors)
    inline = len(catalogue) <= INLINE_AT_MOST
    return Funnel(
        name="feed",
        deadline_ms=settings.deadline_ms,
        query_hydrators=(Stage(HistoryHydrator(history), budget_ms=1.0),),
        sources=tuple(
            Stage(source, settings.source_budget_ms, required=source.name == "popular", inline=inline)
            for source in sources
        ),
        combine=partial(merge, weights={**FEED_WEIGHTS, LittleKnownSource.name: 0.0}),
        hydrators=hydrators,
        filters=(
            Stage(InCatalogueFilter(), budget_ms=1.0, required=True),
            Stage(SeenFilter(), budget_ms=1.0, required=True),
            Stage(PreRankingFilter(settings.ranked_at_most), budget_ms=1.0),
        ),
        scorers=(Stage(ranker, budget_ms=10.0),),
        selector=Stage(mmr, budget_ms=5.0, required=True),
        pool=pool,
    )


def all_ranked(funnel: Funnel) -> Funnel:
    """The funnel as it would be if every candidate went on to the ranker, for work that is not served."""
    kept = tuple(stage for stage in funnel.filters if not isinstance(stage.component, PreRankingFilter))
    return replace(funnel, filters=kept)


class Feed:
    """Serves pages of the feed and hands them to the side effects."""

    def __init__(
        self, funnel: Funnel | None, release: Release, history: HistoryStore, settings: FeedSettings, after: SideEffects
    ) -> None:
        self._funnel, self._release, self._history = funnel, release, history
        self._settings, self._after = settings, after

    @property
    def funnel(self) -> Funnel:
        """The stages.

        Raises:
            NotFound: the data set of this release has no users.
        """
        if self._funnel is None:
            raise NotFound(
                f"release {self._release.version!r} has no feed, for its data set has no users",
                where="feed",
                fix="ask for a search page, or train on data with interactions",
            )
        return self._funnel

    def serve(self, request: Request, *, debug: bool = False) -> Page:
        """One page.

        Raises:
            NotFound: this release has no feed.
            StageFailed: a required stage failed.
        """
        sampled = is_sampled(request, self._settings.scored_sampling_rate)
        run = self.funnel.run(RequestBatch.of(request), debug=debug or sampled)
        page = Page(
            request_id=request.request_id,
            surface="feed",
            user=request.user,
            known_user=self._history.knows(request.user),
            query="",
            release=self._release.version,
            served_us=request.at_us,
            policy=PolicyRecord(
                policy=feed_policy(self._settings),
                temperature=self._settings.temperature,
                draw_key=request.draw_key,
                exploration=self._settings.exploration,
                exploration_temperature=self._settings.exploration_temperature if self._settings.exploration else 0.0,
            ),
            items=shown_items(run.shown),
            degradations=run.trace.degradations,
            traces=(run.trace,),
            scored=run.trace.candidates if sampled else (),
            scored_sampling_rate=self._settings.scored_sampling_rate,
        )
        self._after.submit(page)
        return page
