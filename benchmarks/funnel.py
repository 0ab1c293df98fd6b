"""One request in process, a row a stage: the feed and the search page over MovieLens-100K's 1,682 items.

The release of ``shortlist demo`` is used where there is one in ``./state``, else one is trained in a temporary folder.
Beside it, on the same users and queries: what a user would pick instead for a part of the job, each called in its own
natural way. They do less (no filters with reasons, no ranker, no propensities, no auction).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Row, median_row
from shortlist.app.workbench import workbench
from shortlist.cli.demo import prepare
from shortlist.core.arrays import Int64
from shortlist.core.clock import SystemClock
from shortlist.core.page import Page
from shortlist.core.request import Request
from shortlist.core.settings import AuctionSettings, FeedSettings, SearchSettings, Settings
from shortlist.funnel.engine import Engine
from shortlist.releases.active import active_version

__all__ = ["run"]

K = 20
ADS = 3
WARM_UP = 30
NOW_US = SystemClock().now_us()
PATIENT = Settings(
    feed=FeedSettings(deadline_ms=5_000.0, source_budget_ms=5_000.0),
    search=SearchSettings(deadline_ms=5_000.0, source_budget_ms=5_000.0),
    auction=AuctionSettings(deadline_ms=5_000.0),
)
"""Nothing is given up: a stall of the machine is measured, not left out."""


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Rows of p50 and p99 with intervals from order statistics; times are of a warm process, one request at a time."""
    n = 200 if quick else 2_000
    with tempfile.TemporaryDirectory() as scratch:
        state = Path("state")
        if active_version(state / "releases") is None:
            state = Path(scratch)
            prepare(state, seed=seed)
        with workbench(state, PATIENT) as engine:
            rng = np.random.default_rng(seed)
            users = rng.choice(_users(engine), n + WARM_UP)
            queries = [_query(engine, row) for row in rng.integers(1, len(engine.catalogue), n + WARM_UP)]
            feed = [_feed(engine, int(user), seed + i) for i, user in enumerate(users)][WARM_UP:]
            search = [_search(engine, query, seed + i) for i, query in enumerate(queries)][WARM_UP:]
            rows = [*_rows("feed", feed), *_rows("search + ads", search)]
            return rows + _implicit(engine, users) + _bm25s(engine, queries)


def _users(engine: Engine) -> Int64:
    history = pl.read_parquet(engine.release.folder / "history.parquet")
    return history["user"].unique().sort().to_numpy()


def _query(engine: Engine, row: int) -> str:
    words = engine.catalogue.titles[int(row)].split()
    return " ".join(words[:2]) or "film"


def _feed(engine: Engine, user: int, key: int) -> tuple[float, Page]:
    request = Request(request_id=str(key), k=K, at_us=NOW_US, user=user, draw_key=key)
    began = time.perf_counter_ns()
    page = engine.feed.serve(request)
    return (time.perf_counter_ns() - began) / 1e6, page


def _search(engine: Engine, query: str, key: int) -> tuple[float, Page]:
    request = Request(request_id=str(key), k=K, at_us=NOW_US, query=query, sponsored_slots=ADS, draw_key=key)
    began = time.perf_counter_ns()
    page = engine.search.serve(request)
    return (time.perf_counter_ns() - began) / 1e6, page


def _rows(surface: str, served: Sequence[tuple[float, Page]]) -> list[Row]:
    whole = np.array([took for took, _ in served])
    rows = [median_row("shortlist", f"{surface}: whole request", whole, q) for q in (0.5, 0.99)]
    stages: dict[str, list[float]] = {}
    for _, page in served:
        for trace in page.traces:
            for span in trace.spans:
                stages.setdefault(f"{trace.funnel}: {span.stage} {span.name}", []).append(span.took_ms)
    return rows + [median_row("shortlist", stage, np.array(times)) for stage, times in stages.items()]


def _implicit(engine: Engine, users: Int64) -> list[Row]:
    """Implicit's own ALS, fitted on the same history, recommending as many items: retrieval alone."""
    from implicit.als import AlternatingLeastSquares
    from scipy import sparse

    history = pl.read_parquet(engine.release.folder / "history.parquet").filter(pl.col("positive"))
    known = np.unique(history["user"].to_numpy())
    row = np.searchsorted(known, history["user"].to_numpy())
    column = engine.catalogue.rows(history["item"].to_numpy())
    matrix = sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), (len(known), len(engine.catalogue)))
    model = AlternatingLeastSquares(factors=64, iterations=5, random_state=0, num_threads=1)
    model.fit(matrix, show_progress=False)
    times = []
    for user in np.searchsorted(known, users).clip(max=len(known) - 1):
        began = time.perf_counter_ns()
        model.recommend(int(user), matrix[int(user)], N=K)
        times.append((time.perf_counter_ns() - began) / 1e6)
    return [median_row("implicit", "ALS recommend alone", np.array(times[WARM_UP:]), q) for q in (0.5, 0.99)]


def _bm25s(engine: Engine, queries: Sequence[str]) -> list[Row]:
    """bm25s's own retrieval over the same titles: lexical matching alone."""
    import bm25s

    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(engine.catalogue.titles[1:]), show_progress=False), show_progress=False)
    times = []
    for query in queries:
        began = time.perf_counter_ns()
        index.retrieve(bm25s.tokenize(query, show_progress=False), k=K, show_progress=False)
        times.append((time.perf_counter_ns() - began) / 1e6)
    return [median_row("bm25s", "BM25 over titles alone", np.array(times[WARM_UP:]), q) for q in (0.5, 0.99)]
