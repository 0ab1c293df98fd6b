"""A small engine whose funnels are real and whose sources and ranker are a few lines: pages and lessons run on it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.quality import QualityScorer
from shortlist.auction.reserve import ReserveHydrator
from shortlist.auction.selector import AuctionSelector
from shortlist.core.candidates import Candidates
from shortlist.core.columns import (
    AUCTION_SCORE,
    BID,
    CAMPAIGN,
    CREATIVE,
    KEYWORD,
    P_CLICK_1,
    P_CLICK_1_RAW,
    P_LIKE,
    P_LIKE_RAW,
    PRICE,
    QUALITY,
    RANK_SCORE,
    ROW,
)
from shortlist.core.errors import NotFound
from shortlist.core.page import Page, PolicyRecord, ShownAd
from shortlist.core.request import Request, RequestBatch
from shortlist.core.stages import Dropped, Filtered
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.features.history import HistoryHydrator, HistoryStore
from shortlist.funnel.filters import InCatalogueFilter, RowHydrator, SeenFilter
from shortlist.funnel.layout import shown_items
from shortlist.funnel.runner import Funnel, Stage, single
from shortlist.ranking.contributions import Contribution
from shortlist.releases.manifest import Probability
from shortlist.reranking.mmr import MMRSelector
from shortlist.retrieval.als import AlsSource
from shortlist.training.evaluate import HISTORY_FILE

N_ITEMS, N_USERS, DIM = 480, 40, 8
SLOT_EFFECTS = [0.7**k for k in range(8)]
WIDE_MS = 10_000.0  # a deadline that a busy machine keeps, too
NOW_US = 900_000_000_000_000
HELD_OUT_US = NOW_US - 10**8
"""When the held-out requests came: after the users' lives, before any page that a test asks for and clicks on."""
GENRES = ("Drama", "Comedy", "Thriller", "Romance", "Science fiction", "Western", "Documentary")
FIRST = ("Silent", "Golden", "Last", "Crimson", "Hidden", "Electric", "Winter", "Paper", "Distant", "Broken")
SECOND = ("Harbour", "Letter", "Garden", "Witness", "Orchestra", "Frontier", "Mirror", "Station")
THIRD = ("", " at Dawn", " of Ashes", ": The Return", " and the Sea", " in Berlin")


class Scored:
    """A source: the best of a fixed score of every user and item, or of all users alike."""

    def __init__(self, name, score, items, limit):
        self.name, self._score, self._items, self._limit = name, score, items, limit

    def retrieve(self, batch):
        users = np.where((batch.users >= 0) & (batch.users < len(self._score)), batch.users, 0)
        best = np.argsort(-self._score[users], axis=1, kind="stable")[:, : self._limit]
        score = np.take_along_axis(self._score[users], best, axis=1)
        offsets = np.arange(len(batch) + 1) * best.shape[1]
        return Candidates.found(self.name, offsets, self._items[best].ravel(), score.ravel())


class TitleWords:
    """A source: items whose titles hold a word of the query."""

    def __init__(self, name, catalogue, limit):
        self.name, self._catalogue, self._limit = name, catalogue, limit

    def retrieve(self, batch):
        words = batch.requests[0].query.lower().split()
        hits = [r for r, t in enumerate(self._catalogue.titles) if r and any(w in t.lower() for w in words)]
        hits = hits[: self._limit]
        return Candidates.found(
            self.name, np.array([0, len(hits)]), self._catalogue.item[hits], np.linspace(1, 0.5, len(hits))
        )


class Ranker:
    """A scorer: a steeper sigmoid of a sum of parts, and its calibrated form; it can say what each part adds."""

    name = "ranker"

    def __init__(self, **parts):
        self.parts = parts
        self._score = sum(parts.values())

    def contributions(self, batch, pair):
        """Of a sum each part's Shapley value is its difference."""
        user = int(batch.users[0]) if 0 <= batch.users[0] < len(self._score) else 0
        here, there = pair[ROW] - 1
        values = {name: 1.6 * part[user, [here, there]] for name, part in self.parts.items()}
        found = [Contribution(name, "", f"{a:.2f}", f"{b:.2f}", a - b, 0.0) for name, (a, b) in values.items()]
        return tuple(sorted(found, key=lambda one: -abs(one.log_odds)))

    def score(self, batch, candidates):
        users = np.where((batch.users >= 0) & (batch.users < len(self._score)), batch.users, 0)
        logit = self._score[users[candidates.request_index], candidates[ROW] - 1]
        raw = 1 / (1 + np.exp(-1.6 * logit))
        like = 1 / (1 + np.exp(-logit))
        return {P_LIKE_RAW: raw, P_LIKE: like, RANK_SCORE: like}


class Budget:
    """A filter: every third ad has no budget left."""

    name = "eligible"

    def filter(self, batch, candidates):
        kept = candidates.key % 3 != 2
        return Filtered(kept, (Dropped("no budget left today", candidates.key[~kept]),))


class AdScorer:
    """A scorer of ads."""

    name = "ad_click"

    def score(self, batch, candidates):
        n = len(candidates)
        p = 0.03 + 0.02 * ((candidates.item * 7) % 11) / 11
        bid = 200_000 + 30_000 * (candidates.item % 9)
        one = np.ones(n, dtype=np.int64)
        return {
            CAMPAIGN: 1 + np.arange(n), CREATIVE: one, KEYWORD: one, P_CLICK_1_RAW: p * 1.3, P_CLICK_1: p, BID: bid
        }  # fmt: skip


def catalogue_table():
    titles = [f"{a} {b}{c}" for c in THIRD for b in SECOND for a in FIRST][:N_ITEMS]
    n = len(titles)
    return pl.DataFrame(
        {
            "item": np.arange(n) + 100,
            "external_id": [str(i) for i in range(n)],
            "title": titles,
            "description": [""] * n,
            "categories": [
                [GENRES[i % 7], GENRES[(i // 7) % 7]] if i % 7 != (i // 7) % 7 else [GENRES[i % 7]] for i in range(n)
            ],
            "brand": [""] * n,
            "price_micros": [None] * n,
            "released_us": [(1950 + (i * 13) % 48 - 1970) * 31_557_600 * 1_000_000 for i in range(n)],
        },
        schema=ITEMS,
    )


class World:
    """An engine, and a desk that serves, remembers and reacts."""

    def __init__(self, folder: Path, version: str = "2026-01-tiny", seed: int = 3, sharper: float = 1.0):
        rng = np.random.default_rng(seed)
        folder = folder / "releases" / version
        self.catalogue = Catalogue(catalogue_table())
        n = len(self.catalogue) - 1
        items, users = rng.normal(size=(n, DIM)), rng.normal(size=(N_USERS, DIM))
        truth = users @ items.T / np.sqrt(DIM) * 1.4 - 1.0
        keys = self.catalogue.item[1:]
        interactions, positives = self._lives(truth, keys, rng)
        self.history = HistoryStore(interactions)
        self._write_held_out(folder, positives)
        self._write_factors(folder, items)
        log = pl.concat([interactions, self._dislikes(truth, keys)])
        log.sort(["user", "at_us", "item"]).write_parquet(folder / HISTORY_FILE)
        noisy = lambda scale: truth + rng.normal(scale=scale, size=truth.shape)  # noqa: E731
        popular = np.tile(truth.mean(axis=0), (N_USERS, 1))
        self.feed_funnel = Funnel(
            name="feed",
            deadline_ms=WIDE_MS,
            query_hydrators=(Stage(HistoryHydrator(self.history), 1.0),),
            sources=tuple(
                Stage(Scored(name, score, keys, limit), WIDE_MS)
                for name, score, limit in (
                    ("popular", popular, 120),
                    ("item_neighbours", noisy(1.6), 120),
                    ("als", noisy(1.2), 150),
                    ("two_tower", noisy(1.0), 150),
                )
            ),
            hydrators=(Stage(RowHydrator(self.catalogue), 1.0, required=True),),
            filters=(Stage(InCatalogueFilter(), 1.0, required=True), Stage(SeenFilter(), 1.0, required=True)),
            scorers=(Stage(Ranker(**self._parts(truth * sharper, rng)), 10.0),),
            selector=Stage(self._mmr(items, 0.2), 5.0, required=True),
        )
        self.search_funnel = Funnel(
            name="search",
            deadline_ms=WIDE_MS,
            sources=(
                Stage(TitleWords("lexical", self.catalogue, 200), WIDE_MS),
                Stage(Scored("query_tower", popular, keys, 60), WIDE_MS),
            ),
            hydrators=(Stage(RowHydrator(self.catalogue), 1.0, required=True),),
            filters=(Stage(InCatalogueFilter(), 1.0, required=True),),
            scorers=(Stage(Ranker(near_liked=truth), 10.0),),
            selector=Stage(self._mmr(items, 0.0), 5.0, required=True),
        )
        self.sponsored = Funnel(
            name="sponsored",
            deadline_ms=WIDE_MS,
            sources=(Stage(TitleWords("keywords", self.catalogue, 12), WIDE_MS),),
            combine=single,
            hydrators=(
                Stage(RowHydrator(self.catalogue), 1.0, required=True),
                Stage(ReserveHydrator(50_000), 1.0, required=True),
            ),
            filters=(Stage(Budget(), 1.0, required=True),),
            scorers=(
                Stage(AdScorer(), 5.0, required=True),
                Stage(QualityScorer(squashing=1.0, reference=0.04), 1.0, required=True),
            ),
            selector=Stage(AuctionSelector(GeneralizedSecondPrice(), SLOT_EFFECTS), 2.0, required=True),
        )
        simulated = Probability(of="P(click | the ad is shown at slot 1)", simulated=True)
        facts = SimpleNamespace(probabilities={"p_click_1": simulated})
        self.release = SimpleNamespace(folder=folder, version=version, manifest=SimpleNamespace(facts=facts))
        self.feed_product = SimpleNamespace(funnel=self.feed_funnel)
        self.pages: dict[str, Page] = {}
        self.clicks: list[tuple[str, int]] = []

    @property
    def engine(self):
        return self._engine

    def build(self):
        """The engine as the routers see it; one object, as in a server."""
        self._engine = SimpleNamespace(
            release=self.release,
            catalogue=self.catalogue,
            history=self.history,
            feed=self.feed_product,
            search=SimpleNamespace(funnel=self.search_funnel, sponsored=self.sponsored),
        )
        return self

    @staticmethod
    def _mmr(items, diversity):
        vectors = np.vstack([np.zeros(DIM), items / np.linalg.norm(items, axis=1, keepdims=True)])
        return MMRSelector(vectors.astype(np.float32), diversity=diversity, temperature=0.03)

    @staticmethod
    def _parts(truth, rng):
        """What the feed's ranker adds up: an item's mean, what the user makes of it, and a mistake."""
        mean = np.broadcast_to(truth.mean(axis=0), truth.shape)
        return {"like_rate": mean, "near_liked": truth - mean, "n_sources": rng.normal(scale=0.5, size=truth.shape)}

    @staticmethod
    def _lives(truth, keys, rng):
        rows, positives = [], {}
        for user in range(N_USERS):
            liked = np.argsort(-(truth[user] + rng.gumbel(size=len(keys))))[:30]
            rng.shuffle(liked)
            rows += [(user, int(keys[i]), NOW_US - 10**9 * (20 - t), 5.0, True) for t, i in enumerate(liked[:20])]
            positives[user] = keys[liked[20:]].tolist()
        return pl.DataFrame(rows, schema=INTERACTIONS, orient="row"), positives

    @staticmethod
    def _dislikes(truth, keys):
        """Some of what each user did not like, met in between; the log of a real release holds such events."""
        rows = [
            (user, int(keys[i]), NOW_US - 10**9 * (20 - t) + 1, 2.0, False)
            for user in range(N_USERS)
            for t, i in enumerate(np.argsort(truth[user])[: 20 * 7 : 7])
        ]
        return pl.DataFrame(rows, schema=INTERACTIONS, orient="row")

    def _write_factors(self, folder, items):
        """A factorization whose items' lengths differ; drawn from a stream of its own."""
        factor = np.vstack([np.zeros(DIM), items * np.random.default_rng(1).lognormal(0.0, 0.4, (len(items), 1))])
        als = folder / "retrieval" / "als"
        als.mkdir(parents=True, exist_ok=True)
        AlsSource(self.catalogue, factor.astype(np.float32), confidence=10.0, regularization=1.0).save(als)

    @staticmethod
    def _write_held_out(folder, positives):
        (folder / "lessons").mkdir(parents=True, exist_ok=True)
        table = {
            "user": list(positives),
            "at_us": [HELD_OUT_US] * len(positives),
            "positives": list(positives.values()),
        }
        schema = {"user": pl.Int64, "at_us": pl.Int64, "positives": pl.List(pl.Int64)}
        pl.DataFrame(table, schema=schema).write_parquet(folder / "lessons" / "funnel_requests.parquet")

    # The desk.

    def feed(self, engine=None, *, user, k):
        request = Request(request_id=f"f{len(self.pages)}", k=k, at_us=NOW_US, user=user, draw_key=len(self.pages))
        run = self.feed_funnel.run(RequestBatch.of(request), debug=True)
        return self._keep(request, "feed", run.trace.degradations, shown_items(run.shown), (), (run.trace,))

    def search(self, engine=None, *, query, user, k, sponsored_slots):
        request = Request(
            request_id=f"s{len(self.pages)}", k=k, at_us=NOW_US, user=user, query=query, sponsored_slots=sponsored_slots
        )
        batch = RequestBatch.of(request)
        run, sold = self.search_funnel.run(batch, debug=True), self.sponsored.run(batch, debug=True)
        ads = tuple(self._ad(sold.shown, row) for row in range(len(sold.shown)))
        return self._keep(request, "search", (), shown_items(run.shown), ads, (run.trace, sold.trace))

    @staticmethod
    def _ad(shown, row):
        return ShownAd(
            slot=row + 1, item=int(shown.item[row]), campaign=int(shown[CAMPAIGN][row]), creative=1, keyword=1,
            match_type="broad", currency="EUR", bid=int(shown[BID][row]), reserve=50_000,
            quality=float(shown[QUALITY][row]), p_click_1=float(shown[P_CLICK_1][row]), slot_effect=SLOT_EFFECTS[row],
            auction_score=float(shown[AUCTION_SCORE][row]), price=int(shown[PRICE][row]), selection_propensity=1.0,
            simulated=True,
        )  # fmt: skip

    def _keep(self, request, surface, degradations, items, ads, traces):
        page = Page(
            request_id=request.request_id, surface=surface, user=request.user,
            known_user=self.history.knows(request.user), query=request.query, release=self.release.version,
            served_us=request.at_us, policy=PolicyRecord(policy=f"{surface}-mmr-0.2", temperature=0.03, draw_key=request.draw_key),
            items=items, ads=ads, degradations=degradations, traces=traces,
        )  # fmt: skip
        self.pages[page.request_id] = page
        return page

    def page(self, request_id):
        if request_id not in self.pages:
            raise NotFound(f"there is no page {request_id!r}", where="trace", fix="pick one of the recent pages")
        return self.pages[request_id]

    def recent(self, n):
        return list(self.pages.values())[::-1][:n]

    def click(self, *, request_id, slot, item, sponsored):
        page = self.page(request_id)
        assert any((shown.slot, shown.item) == (slot, item) for shown in (page.ads if sponsored else page.items))
        self.clicks.append((request_id, item))
        if page.user is not None:
            self.history.append(user=page.user, item=item, at_us=NOW_US - 1, positive=True)
