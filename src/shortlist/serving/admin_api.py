"""Campaigns, new items and releases; every route needs the admin key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from litestar import Router, get, post
from litestar.params import Parameter
from litestar.types import Guard

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.core.campaign import Campaign
from shortlist.core.clock import Clock
from shortlist.releases.active import list_releases
from shortlist.serving.decoding import JsonBody
from shortlist.serving.item_desk import ItemDesk
from shortlist.serving.live_engine import LiveEngine
from shortlist.serving.schemas import (
    CampaignAnswer,
    CampaignsAnswer,
    ItemsAnswer,
    ItemsRequest,
    ReleaseAnswer,
    ReleasesAnswer,
)

__all__ = ["admin_router"]

CampaignKey = Annotated[int, Parameter(ge=0, le=2**63 - 1, description="catalogue key")]
ItemKey = Annotated[int, Parameter(ge=0, le=2**63 - 1, description="catalogue key")]
Version = Annotated[str, Parameter(max_length=80)]


def admin_router(
    *,
    guard: Guard,
    campaigns: CampaignStore,
    ledger: Ledger,
    items: ItemDesk,
    live: LiveEngine,
    releases_dir: Path,
    key: bytes,
    clock: Clock,
) -> Router:
    """The routes that need the admin key.

    Args:
        guard: refuses whoever does not bring it.
        campaigns: where campaigns are kept.
        ledger: what they have spent.
        items: takes in items that the release was not trained with.
        live: the engine that serves.
        releases_dir: ``<state>/releases``.
        key: the installation's key.
        clock: says which day it is.
    """

    @post("/v1/campaigns", summary="Create a campaign", tags=["campaigns"], sync_to_thread=True)
    def create(data: JsonBody[Campaign]) -> Campaign:
        """A campaign takes part in auctions as soon as this answers."""
        return campaigns.create(data)

    @get("/v1/campaigns", summary="All campaigns", tags=["campaigns"], sync_to_thread=True)
    def every() -> CampaignsAnswer:
        """All campaigns, by key."""
        return CampaignsAnswer(campaigns.list())

    @get("/v1/campaigns/{campaign:int}", summary="A campaign", tags=["campaigns"], sync_to_thread=True)
    def read(campaign: CampaignKey) -> CampaignAnswer:
        """A campaign and what it has spent on its local day."""
        held = campaigns.get(campaign)
        spent = ledger.spent(held, clock.now_us())
        return CampaignAnswer(campaign=held, settled_today=spent.settled, given_away_today=spent.given_away)

    @post(
        "/v1/campaigns/{campaign:int}/pause", status_code=200, summary="Pause", tags=["campaigns"], sync_to_thread=True
    )
    def pause(campaign: CampaignKey) -> Campaign:
        """A paused campaign takes part in no auction that begins after this answers."""
        return campaigns.pause(campaign)

    @post(
        "/v1/campaigns/{campaign:int}/resume",
        status_code=200,
        summary="Resume",
        tags=["campaigns"],
        sync_to_thread=True,
    )
    def resume(campaign: CampaignKey) -> Campaign:
        """The opposite of pause."""
        return campaigns.pause(campaign, paused=False)

    @post("/v1/items", status_code=200, summary="Add items", tags=["catalogue"], sync_to_thread=True)
    def add_items(data: JsonBody[ItemsRequest]) -> ItemsAnswer:
        """Items that the release was not trained with, placed by their content; pages may show them from now on.

        Durable when this answers, and taken along by every later release that was not trained with them. The same item
        again changes nothing.
        """
        return items.add(data.items)

    @post("/v1/items/{item:int}/remove", status_code=200, summary="Take out", tags=["catalogue"], sync_to_thread=True)
    def remove_item(item: ItemKey) -> ItemsAnswer:
        """Take out an item that was added; those that the release was trained with stay."""
        return items.remove(item)

    @get("/v1/releases", summary="All releases", tags=["releases"], sync_to_thread=True)
    def releases() -> ReleasesAnswer:
        """Releases, oldest first; signatures are checked, the other files are not."""
        serving = live.engine.release.version
        return ReleasesAnswer(
            tuple(
                ReleaseAnswer(
                    version=listed.version,
                    active=listed.version == serving,
                    created_us=listed.manifest.created_us if listed.manifest else None,
                    dataset=listed.manifest.facts.dataset if listed.manifest else "",
                    licence=listed.manifest.facts.licence if listed.manifest else "",
                    problem=listed.problem,
                )
                for listed in list_releases(releases_dir, key=key)
            )
        )

    @post(
        "/v1/releases/{version:str}/activate",
        status_code=200,
        summary="Activate",
        tags=["releases"],
        sync_to_thread=True,
    )
    def activate(version: Version) -> ReleaseAnswer:
        """Check, load and warm up a release, then serve it; if it is refused, the old one serves on."""
        manifest = live.activate(version).release.manifest
        return ReleaseAnswer(
            version=manifest.version,
            active=True,
            created_us=manifest.created_us,
            dataset=manifest.facts.dataset,
            licence=manifest.facts.licence,
        )

    return Router(
        "/",
        guards=[guard],
        security=[{"admin key": []}],
        route_handlers=[create, every, read, pause, resume, add_items, remove_item, releases, activate],
    )
