"""A real server over the tiny world: every part but the trained models is the one that serves real data.

Run as ``python -m tests.serving.tiny_server STATE PORT``; it prints its address when it answers.
"""

import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from shortlist.app.factory import create_app
from shortlist.app.server import run_server, take_port
from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.quality import QualityScorer
from shortlist.auction.reserve import ReserveHydrator
from shortlist.auction.selector import AuctionSelector
from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.eligibility import EligibilityFilter
from shortlist.bidding.ledger import Ledger
from shortlist.core.arrays import Array
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import P_CLICK_1, Column
from shortlist.core.request import RequestBatch
from shortlist.core.settings import FeedSettings, SearchSettings, ServerSettings, Settings
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryHydrator, HistoryStore
from shortlist.funnel.engine import Engine
from shortlist.funnel.feed import Feed
from shortlist.funnel.filters import InCatalogueFilter, RowHydrator, SeenFilter
from shortlist.funnel.runner import Funnel, Stage, single
from shortlist.funnel.search import Search
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import SourcePool
from shortlist.releases.manifest import ReleaseFacts
from shortlist.releases.release import Release
from shortlist.releases.writer import ReleaseWriter
from shortlist.reranking.mmr import MMRSelector
from shortlist.retrieval.keywords import KeywordSource
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.popular import PopularSource
from shortlist.testing import tiny_interactions, tiny_items

SLOW_USER = 99
"""Their pages take half a second."""

SETTINGS = Settings(
    feed=FeedSettings(deadline_ms=5_000.0, source_budget_ms=5_000.0, scored_sampling_rate=1.0),
    search=SearchSettings(deadline_ms=5_000.0, source_budget_ms=5_000.0),
    server=ServerSettings(port=0, max_body_bytes=262_144),
)


class Unhurried:
    """A query hydrator that lets some users wait."""

    name = "unhurried"

    def hydrate_query(self, batch: RequestBatch) -> RequestBatch:
        if batch.requests[0].user == SLOW_USER:
            time.sleep(0.5)
        return batch


class EvenClicks:
    """Every ad has the same chance of a click."""

    name = "even clicks"

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        return {P_CLICK_1: np.full(len(candidates), 0.25)}


def write_release(releases_dir: Path, version: str, *, items: pl.DataFrame | None = None) -> Release:
    """A release of the tiny world."""
    with ReleaseWriter(releases_dir, version) as writer:
        catalogue = Catalogue(tiny_items() if items is None else items)
        catalogue.save(writer.folder / "catalogue.parquet")
        tiny_interactions().write_parquet(writer.folder / "history.parquet")
        folder = writer.folder / "retrieval" / "popular"
        folder.mkdir(parents=True)
        PopularSource.fit(tiny_interactions(), catalogue).save(folder)
        return writer.finish(ReleaseFacts(dataset="tiny", licence="public domain", policy="softmax"))


def load_tiny(
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
    """What ``load_engine`` does, without trained models."""
    released = Catalogue.load(release.folder / "catalogue.parquet")
    catalogue = released if added is None else released.extended(added)
    vectors = np.zeros((len(catalogue), 2), dtype=np.float32)
    always = partial(Stage, budget_ms=5_000.0, required=True)
    checked = {
        "hydrators": (always(RowHydrator(catalogue)),),
        "filters": (always(InCatalogueFilter()),),
        "selector": always(MMRSelector(vectors, diversity=0.0, temperature=0.1)),
        "deadline_ms": 5_000.0,
        "pool": pool,
    }
    feed = Funnel(
        name="feed",
        query_hydrators=(always(HistoryHydrator(history)), always(Unhurried())),
        sources=(always(PopularSource.load(release.folder / "retrieval" / "popular", released)),),
        combine=merge,
        **(checked | {"filters": (always(InCatalogueFilter()), always(SeenFilter()))}),
    )
    search = Funnel(name="search", sources=(always(LexicalSource.fit(catalogue)),), combine=merge, **checked)
    sponsored = Funnel(
        name="sponsored",
        sources=(always(KeywordSource(campaigns.index)),),
        combine=single,
        scorers=(always(EvenClicks()), always(QualityScorer(squashing=1.0, reference=0.25))),
        **(
            checked
            | {
                "hydrators": (always(RowHydrator(catalogue)), always(ReserveHydrator(settings.auction.reserve_micros))),
                "filters": (always(InCatalogueFilter()), always(EligibilityFilter(campaigns.book, ledger))),
                "selector": always(AuctionSelector(GeneralizedSecondPrice(), [1.0, 0.5])),
            }
        ),
    )
    return Engine(
        release=release,
        catalogue=catalogue,
        history=history,
        feed=Feed(feed, release, history, settings.feed, after),
        search=Search(
            search,
            sponsored,
            release,
            history,
            settings.search,
            after,
            campaign_of=lambda key: campaigns.book().campaigns[key],
        ),
    )


def main(state: str, port: str) -> None:
    listener = take_port("127.0.0.1", int(port))
    run_server(
        create_app(Path(state), SETTINGS, load=load_tiny), listener, ready=lambda address: print(address, flush=True)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
