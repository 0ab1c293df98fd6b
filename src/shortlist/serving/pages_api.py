"""``POST /v1/feed``, ``POST /v1/search``, ``POST /v1/events``, ``GET /v1/items/{item}``, ``GET /v1/health``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Annotated, Any, TypeVar

from litestar import Request, Router, get, post
from litestar.params import Parameter

from shortlist.core.page import Page
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.side_effects import SideEffects
from shortlist.serving.admin import AdminCheck
from shortlist.serving.decoding import JsonBody
from shortlist.serving.disclosure import without_losers
from shortlist.serving.front_desk import FrontDesk
from shortlist.serving.live_engine import LiveEngine
from shortlist.serving.schemas import (
    AdAnswer,
    EventsAnswer,
    EventsRequest,
    FeedRequest,
    HealthAnswer,
    ItemAnswer,
    ItemSlot,
    PageAnswer,
    SearchRequest,
)

__all__ = ["pages_router"]

T = TypeVar("T")
ItemKey = Annotated[int, Parameter(ge=0, le=2**63 - 1, description="catalogue key")]


def pages_router(
    *, desk: FrontDesk, live: LiveEngine, is_admin: AdminCheck, after: SideEffects, workers: Executor
) -> Router:
    """The routes that need no key.

    Args:
        desk: serves pages and takes events.
        live: the engine that serves.
        is_admin: whether a request brings the admin key, and so may see the trace of ads that lost.
        after: the side effects, whose failures the health answer counts.
        workers: threads for the funnel, as many as there are cores; the event loop never waits for one.
    """

    async def worked(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(workers, work)

    @post("/v1/feed", status_code=200, summary="A feed", tags=["pages"])
    async def feed(data: JsonBody[FeedRequest], request: Request[Any, Any, Any]) -> PageAnswer:
        """Items that one user may like next; served for an unknown user, too. The page is logged."""
        whole = is_admin(request)

        def work() -> PageAnswer:
            engine = live.engine
            page = desk.feed(engine, user=data.user, k=data.k, debug=data.debug)
            return _answer(page if whole else without_losers(page), engine.catalogue, desk, debug=data.debug)

        return await worked(work)

    @post("/v1/search", status_code=200, summary="A search page", tags=["pages"])
    async def search(data: JsonBody[SearchRequest], request: Request[Any, Any, Any]) -> PageAnswer:
        """Organic and sponsored results for a query. The page is logged; ads bring the token that a click needs."""
        whole = is_admin(request)

        def work() -> PageAnswer:
            engine = live.engine
            page = desk.search(
                engine,
                query=data.query,
                user=data.user,
                k=data.k,
                sponsored_slots=data.sponsored_slots,
                debug=data.debug,
            )
            return _answer(page if whole else without_losers(page), engine.catalogue, desk, debug=data.debug)

        return await worked(work)

    @post("/v1/events", status_code=200, summary="What happened to served pages", tags=["events"], sync_to_thread=True)
    def events(data: JsonBody[EventsRequest]) -> EventsAnswer:
        """Impressions, clicks and conversions: durable when this answers, and counted once an event id.

        Either all events of a request are accepted or none. A click on an ad is charged once an impression.
        """
        recorded = desk.record(data.events)
        return EventsAnswer(accepted=len(recorded.new), duplicates=recorded.duplicates)

    @get("/v1/items/{item:int}", summary="An item", tags=["catalogue"], sync_to_thread=False)
    def item(item: ItemKey) -> ItemAnswer:
        """What the active release's catalogue holds about an item."""
        engine = live.engine
        return ItemAnswer(**engine.catalogue.facts(item), release=engine.release.version)  # type: ignore[arg-type]

    @get("/v1/health", summary="The server's state", tags=["operation"], sync_to_thread=False)
    def health() -> HealthAnswer:
        """Answers while the server can serve."""
        return HealthAnswer(
            status="ok", release=live.engine.release.version, pages_logged=after.done, log_failures=after.failed
        )

    return Router("/", route_handlers=[feed, search, events, item, health])


def _answer(page: Page, catalogue: Catalogue, desk: FrontDesk, *, debug: bool) -> PageAnswer:
    return PageAnswer(
        request_id=page.request_id,
        surface=page.surface,
        release=page.release,
        served_us=page.served_us,
        known_user=page.known_user,
        policy=page.policy,
        items=tuple(
            ItemSlot(
                slot=shown.slot,
                item=shown.item,
                title=catalogue.title(shown.item),
                sources=shown.sources,
                selection_propensity=shown.selection_propensity,
                scores=shown.scores,
            )
            for shown in page.items
        ),
        ads=tuple(
            AdAnswer(
                slot=shown.slot,
                item=shown.item,
                title=catalogue.title(shown.item),
                campaign=shown.campaign,
                creative=shown.creative,
                price=shown.price,
                currency=shown.currency,
                simulated=shown.simulated,
                token=desk.token(page, shown),
            )
            for shown in page.ads
        ),
        degradations=page.degradations,
        traces=page.traces if debug else (),
    )
