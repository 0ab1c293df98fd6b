"""``Engine``: everything that one release needs to answer, built off to the side and swapped whole."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.core.campaign import Campaign
from shortlist.core.settings import Settings
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryStore
from shortlist.funnel.feed import Feed, feed_funnel
from shortlist.funnel.search import Search, search_funnel, sponsored_funnel
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import SourcePool
from shortlist.releases.release import Release

__all__ = ["Engine", "load_engine"]


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """A release, ready to serve.

    Attributes:
        catalogue: the release's items, and those that were added since.
        history: the users' histories; shared by all engines of a server, for they outlive a release.
    """

    release: Release
    catalogue: Catalogue
    history: HistoryStore
    feed: Feed
    search: Search


def load_engine(
    release: Release,
    *,
    history: HistoryStore,
    campaigns: CampaignStore,
    ledger: Ledger,
    settings: Settings,
    after: SideEffects,
    pool: SourcePool,
    added: pl.DataFrame | None = None,
) -> Engine:
    """Build an engine from a release.

    Args:
        release: opened, and so verified.
        history: what users did, extended by live events.
        campaigns: who may buy, and for how much.
        ledger: what has been spent.
        after: gets every page that is served.
        settings: budgets, temperatures, the auction's knobs.
        pool: threads for the sources, shared by all engines of a server.
        added: items that arrived since the release was trained, schema ``ITEMS``: they are embedded by their content
            and put into the release's indexes as they are read; the release itself stays what it is.

    Raises:
        ReleaseError: a file is not what this version reads.
    """

    def campaign_of(key: int) -> Campaign:
        return campaigns.book().campaigns[key]

    catalogue = Catalogue.load(release.folder / "catalogue.parquet")
    if added is not None:
        catalogue = catalogue.extended(added)
    feed = feed_funnel(release, catalogue, history, settings.feed, pool)
    search = search_funnel(release, catalogue, settings.search, pool)
    sponsored = sponsored_funnel(release, catalogue, settings.auction, pool, campaigns=campaigns, ledger=ledger)
    return Engine(
        release=release,
        catalogue=catalogue,
        history=history,
        feed=Feed(feed, release, history, settings.feed, after),
        search=Search(search, sponsored, release, history, settings.search, after, campaign_of=campaign_of),
    )
