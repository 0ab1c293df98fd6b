"""The engine that serves, and its exchange for another release's while requests run.

The new release is opened, checked, loaded and warmed up off to the side; then one reference changes hands. Requests in
flight finish on the engine they began with. A release that is refused on the way changes nothing. Clicks that arrive
while the new release loads are read from the log before it takes over; while it takes over, no click is recorded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import sqlalchemy as sa

from shortlist.core.candidates import Candidates
from shortlist.core.clock import Clock
from shortlist.core.errors import NotFound, ReleaseError, ShortlistError
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS
from shortlist.events.read import read_clicks
from shortlist.features.history import HistoryStore
from shortlist.funnel.engine import Engine
from shortlist.funnel.layout import is_sampled
from shortlist.releases.active import find_release, mark_active
from shortlist.releases.release import Release

__all__ = ["LiveEngine", "warm_up"]

log = logging.getLogger("shortlist.serving")

_WARM_UP_USERS = 20


class LiveEngine:
    """Holds the engine that serves.

    Args:
        release: the one to begin with, opened and so checked.
        build: makes an engine of a release and the users' histories.
        database: the log's; organic clicks in it extend the release's histories.
        key: the installation's key.
        clock: tells the warm-up the time.

    Raises:
        ReleaseError: the release cannot be loaded.
    """

    def __init__(
        self,
        release: Release,
        build: Callable[[Release, HistoryStore], Engine],
        database: sa.Engine,
        key: bytes,
        clock: Clock,
    ) -> None:
        self._releases_dir, self._build, self._database, self._key = release.folder.parent, build, database, key
        self._clock = clock
        self._activation = threading.Lock()
        self._turn = threading.Condition()
        self._recording = 0
        self._swapping = False
        self._engine, _ = self._load(release)

    @property
    def engine(self) -> Engine:
        """The engine that serves now; a request asks once and keeps what it got."""
        return self._engine

    def activate(self, version: str) -> Engine:
        """Serve another release, and from the next start on as well.

        Raises:
            ReleaseError: there is no such release, it is not whole, or it cannot be loaded; the old one serves on.
        """
        with self._activation:
            engine, known = self._load(find_release(self._releases_dir, version, key=self._key))
            with self._alone():
                late, _ = read_clicks(self._database, after_sequence=known)
                for user, item, at_us in late.iter_rows():
                    engine.history.append(user=user, item=item, at_us=at_us, positive=True)
                mark_active(self._releases_dir, engine.release)
                self._engine = engine
            return engine

    def rebuild(self) -> Engine:
        """Serve the same release once more, with what was added to or taken from its items meanwhile.

        Nothing is trained and no index is built: files are read, added items are embedded and inserted, and one
        reference changes hands. Histories go on as they are.

        Raises:
            ReleaseError: the engine cannot be built; the old one serves on.
        """
        with self._activation:
            history = self._engine.history
            self._engine = engine = self._built(self._engine.release, lambda: history)
            return engine

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record clicks and extend histories inside: the engine is not exchanged meanwhile, so no click is lost.

        Whoever comes while an exchange waits or runs, waits for it: a stream of clicks cannot put it off.
        """
        with self._turn:
            self._turn.wait_for(lambda: not self._swapping)
            self._recording += 1
        try:
            yield
        finally:
            with self._turn:
                self._recording -= 1
                self._turn.notify_all()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._turn:
            self._swapping = True
            self._turn.wait_for(lambda: self._recording == 0)
        try:
            yield
        finally:
            with self._turn:
                self._swapping = False
                self._turn.notify_all()

    def _load(self, release: Release) -> tuple[Engine, int]:
        clicks, known = read_clicks(self._database)
        return self._built(release, lambda: HistoryStore(_interactions(release, clicks))), known

    def _built(self, release: Release, history: Callable[[], HistoryStore]) -> Engine:
        """An engine that has been warmed up."""
        try:
            engine = self._build(release, history())
            warm_up(engine, self._clock.now_us())
        except ShortlistError:
            raise
        except Exception as error:
            log.exception("release %r cannot be loaded", release.version)
            raise ReleaseError(
                f"release {release.version!r} cannot be loaded: {type(error).__name__}",
                where=str(release.folder),
                fix="train it again with this version; the server's log says more",
            ) from error
        return engine


def warm_up(engine: Engine, now_us: int) -> None:
    """Run every funnel without deadlines and without logging, for a visitor nobody knows and for one with a history.

    The one with a history has liked the most of the first few users, so that the sources that start from likes work
    as well.
    """
    title = engine.catalogue.titles[-1] or "warm up"
    known = engine.history.users(_WARM_UP_USERS)
    liked, _ = engine.history.before(known, [now_us] * len(known))
    users = [None, *([known[int(liked.lengths.argmax())]] if known else [])]
    requests = [Request("warm-up", k=10, at_us=now_us, user=user, query=title, sponsored_slots=3) for user in users]
    for request in requests:
        batch = RequestBatch.of(request)
        try:
            engine.feed.funnel.run(batch, patient=True)
        except NotFound:
            log.info("release %r has no feed", engine.release.version)
        engine.search.funnel.run(batch, patient=True)
        if engine.search.sponsored is not None:
            engine.search.sponsored.run(batch, patient=True)
        is_sampled(request, 1.0)
    # No filter may have dropped anything; what drops rows is compiled, too.
    Candidates.found("warm-up", np.array([0, 1]), np.array([0]), np.zeros(1)).keep(np.array([False]))


def _interactions(release: Release, clicks: pl.DataFrame) -> pl.DataFrame:
    tables = [
        clicks.select("user", "item", pl.col("received_us").alias("at_us"), value=1.0, positive=True).cast(INTERACTIONS)  # type: ignore[arg-type]
    ]
    if "history.parquet" in release.manifest.files:
        tables.insert(0, pl.read_parquet(release.folder / "history.parquet").select(*INTERACTIONS))
    return pl.concat(tables)
