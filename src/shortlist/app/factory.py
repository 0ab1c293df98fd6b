"""``create_app``: opens the state folder, builds the engine, and puts API, console and lessons on one port."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
from litestar import Litestar
from litestar.middleware import DefineMiddleware
from threadpoolctl import threadpool_limits

from shortlist.app.api_page import api_page_router
from shortlist.app.loopback import LOOPBACK_NAMES, is_loopback
from shortlist.app.openapi import openapi_config
from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.console.routes import console_router
from shortlist.core.clock import Clock, SystemClock
from shortlist.core.settings import ServerSettings, Settings
from shortlist.events.database import open_database
from shortlist.events.event_log import EventLog
from shortlist.events.group_commit import GroupCommit
from shortlist.events.page_log import PageLog
from shortlist.events.tables import LOG
from shortlist.features.added_items import AddedItems
from shortlist.features.catalogue import UNKNOWN_ROW
from shortlist.features.history import HistoryStore
from shortlist.funnel.engine import Engine, load_engine
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import SourcePool
from shortlist.lessons.routes import lessons_router
from shortlist.pages.shell import static_router
from shortlist.releases.active import active_release
from shortlist.releases.key import read_key
from shortlist.releases.release import Release
from shortlist.serving.admin import admin_check, admin_guard, admin_key
from shortlist.serving.admin_api import admin_router
from shortlist.serving.answers import HANDLERS, harden
from shortlist.serving.decoding import StrictRequest
from shortlist.serving.front_desk import FrontDesk
from shortlist.serving.hosts import KnownHosts
from shortlist.serving.item_desk import ItemDesk
from shortlist.serving.live_engine import LiveEngine
from shortlist.serving.pages_api import pages_router
from shortlist.serving.recent_pages import RecentPages

__all__ = ["create_app"]


def create_app(
    state_dir: Path,
    settings: Settings,
    *,
    load: Callable[..., Engine] = load_engine,
    clock: Clock | None = None,
) -> Litestar:
    """The application over one state folder.

    Args:
        state_dir: holds ``secret.key``, ``events.sqlite``, ``market.sqlite``, ``items.sqlite`` and ``releases/``.
        settings: every knob.
        load: makes an engine of a release; called as ``load_engine`` is.
        clock: gives requests and events their time; the machine's without one.

    Raises:
        ReleaseError: no release is active, or the active one is refused.
        DataError: a database cannot be opened.
    """
    clock = clock or SystemClock()
    release = active_release(state_dir / "releases")
    key = read_key(state_dir)
    with ExitStack() as opened:
        opened.enter_context(threadpool_limits(1, "blas"))  # requests are what runs side by side
        database = open_database(state_dir / "events.sqlite", LOG)
        opened.callback(database.dispose)
        market = open_market(state_dir / "market.sqlite")
        opened.callback(market.dispose)
        items = AddedItems.open(state_dir)
        opened.callback(items.close)
        writer = GroupCommit(database)
        opened.callback(writer.close)
        ledger = Ledger(market)
        opened.callback(ledger.close)
        after = SideEffects([PageLog(writer)])
        opened.callback(after.close)
        pool = SourcePool()
        opened.callback(pool.close)

        def known_items(items: Sequence[int]) -> Sequence[bool]:
            rows = live.engine.catalogue.rows(np.array(items, dtype=np.int64))
            return [row != UNKNOWN_ROW for row in rows.tolist()]

        campaigns = CampaignStore(market, known_items)

        def build(release: Release, history: HistoryStore) -> Engine:
            return load(
                release,
                history=history,
                campaigns=campaigns,
                ledger=ledger,
                settings=settings,
                after=after,
                pool=pool,
                added=items.table(),
            )

        live = LiveEngine(release, build, database, key, clock)
        workers = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="funnel")
        opened.callback(workers.shutdown)
        desk = FrontDesk(
            live=live,
            events=EventLog(writer),
            database=database,
            ledger=ledger,
            campaigns=campaigns,
            after=after,
            recent=RecentPages(),
            key=key,
            clock=clock,
            local=is_loopback(settings.server.host),
        )
        desk.reconcile()
        is_admin = admin_check(admin_key(state_dir, key))
        routers = [
            pages_router(desk=desk, live=live, is_admin=is_admin, after=after, workers=workers),
            admin_router(
                guard=admin_guard(is_admin),
                campaigns=campaigns,
                ledger=ledger,
                items=ItemDesk(items, live, clock),
                live=live,
                releases_dir=state_dir / "releases",
                key=key,
                clock=clock,
            ),
            static_router(),
            api_page_router(),
            console_router(lambda: live.engine, desk),
            lessons_router(lambda: live.engine),
        ]
        closing = ExitStack()
        app = Litestar(
            routers,
            lifespan=[_closing(closing)],
            middleware=[_known_hosts(settings.server)],
            request_class=StrictRequest,
            request_max_body_size=settings.server.max_body_bytes,
            exception_handlers=HANDLERS,
            before_send=[harden],
            openapi_config=openapi_config(),
        )
        closing.callback(opened.pop_all().close)
        return app


def _known_hosts(server: ServerSettings) -> DefineMiddleware:
    """A server on the loopback address answers to its own names; one that listens elsewhere, to those it was given."""
    names = {server.host, *server.hosts, *(LOOPBACK_NAMES if is_loopback(server.host) else ())}
    everywhere = not is_loopback(server.host) and not server.hosts
    return DefineMiddleware(KnownHosts, names=None if everywhere else names)


def _closing(resources: ExitStack) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """At the end: what was served is in the log, and every file is closed, the last opened first."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            resources.close()

    return lifespan
