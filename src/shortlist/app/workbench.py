"""The engine of a state folder without a server: for notebooks, benchmarks and tests. Nothing it serves is logged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from threadpoolctl import threadpool_limits

from shortlist.bidding.campaigns import CampaignStore
from shortlist.bidding.ledger import Ledger
from shortlist.bidding.tables import open_market
from shortlist.core.settings import Settings
from shortlist.features.added_items import AddedItems
from shortlist.features.history import HistoryStore
from shortlist.funnel.engine import Engine, load_engine
from shortlist.funnel.side_effects import SideEffects
from shortlist.funnel.source_pool import SourcePool
from shortlist.releases.active import active_release

__all__ = ["workbench"]


@contextmanager
def workbench(state_dir: Path, settings: Settings | None = None) -> Iterator[Engine]:
    """The active release's engine, with the state folder's added items, campaigns and budgets.

    Raises:
        ReleaseError: no release is active, or the active one is refused.
    """
    release = active_release(state_dir / "releases")
    history = release.folder / "history.parquet"
    market, items = open_market(state_dir / "market.sqlite"), AddedItems.open(state_dir)
    ledger, pool, after = Ledger(market), SourcePool(), SideEffects([])
    try:
        with threadpool_limits(1, "blas"):  # as in the server
            yield load_engine(
                release,
                history=HistoryStore(pl.read_parquet(history) if history.exists() else None),
                campaigns=CampaignStore(market),
                ledger=ledger,
                settings=settings or Settings(),
                after=after,
                pool=pool,
                added=items.table(),
            )
    finally:
        after.close()
        pool.close()
        ledger.close()
        items.close()
        market.dispose()
