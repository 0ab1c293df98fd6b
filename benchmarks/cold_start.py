"""New items and new users, on the split that a server can trust: models frozen at an instant, histories live.

**New items.** The items are dealt into seven parts. One part at a time is new: no row of it is in the training, neither
in the interactions nor in the catalogue. The towers are trained on what the others did before the calibration window;
then the new items are added to the running source, embedded by their content, without retraining. Requests are those of
the later windows, with live histories in which the new items are missing; to be found is which new items the user liked
next. Ranked are the new items alone, or the new ones among all.

Beside the content tower: content-kNN (cosine of an item's TF-IDF vector with the mean of the liked items', over the
same tokens), the popularity of an item's categories, the same weighted by the user's share of each, and chance. The
peers' settings are tuned on the first two parts, on which also the tower's share of steps without ids and its tokens
were chosen (on MovieLens-100K); the other parts are judged. Intervals resample users.

**New users.** The same requests with the history cut to the last 0, 1, 2 or 5 likes, all items known.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from benchmarks.report import Row
from shortlist.core.arrays import Bool, Float32, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.stages import Source
from shortlist.datasets.dataset import Dataset
from shortlist.datasets.known import KUAIRAND
from shortlist.datasets.load import load, read_shared
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval
from shortlist.evaluation.metrics.recall import recall
from shortlist.features.catalogue import Catalogue
from shortlist.features.item_content import content_strings
from shortlist.learning.two_tower import TwoTowerRecipe
from shortlist.retrieval.fit import fit_als, fit_item_neighbours, fit_popular, fit_two_tower
from shortlist.retrieval.load import FEED_WEIGHTS
from shortlist.retrieval.selection import known_rows
from shortlist.training.plan import FeedPlan
from shortlist.training.requests import LabelledRequests

__all__ = ["run"]

PARTS, TUNED = 7, 2
REQUESTS_AT_MOST = 6_000
TOWER = "content tower"
NEW, ALL = "new items alone", "among all items"
FIGURES = ((NEW, 20), (NEW, 50), (ALL, 50))

Scores = Float32 | Float64
"""``(R, V + 1)``, requests and rows of the whole catalogue."""


@dataclass(frozen=True, eq=False)
class World:
    """One part is new.

    Attributes:
        catalogue: all items; the rows below are its rows.
        known: the catalogue that is trained with.
        train: what may be learned from.
        requests: with at least one new item among what was liked next, and one known item liked before.
        liked_before: rows of known items, a list a request, oldest first.
        wanted: rows of new items, a list a request.
        new: bool ``(V + 1,)``.
    """

    catalogue: Catalogue
    known: Catalogue
    train: pl.DataFrame
    requests: LabelledRequests
    liked_before: Ragged
    wanted: Ragged
    new: Bool

    @classmethod
    def of(cls, dataset: Dataset, requests: LabelledRequests, frozen_us: int, part: int, seed: int) -> World:
        dealt = np.random.default_rng(seed).permutation(len(dataset.items)) % PARTS
        known = Catalogue(dataset.items.filter(pl.Series(dealt != part)))
        catalogue = known.extended(dataset.items)
        new = np.arange(len(catalogue)) >= len(known)
        train = dataset.interactions.filter(pl.col("at_us") < frozen_us)
        train = train.filter(pl.Series(known.rows(train["item"].to_numpy()) > 0))
        before, then = known_rows(requests.batch.history, known), known_rows(requests.liked, catalogue)
        wanted = [then[n][new[then[n]]] for n in range(len(requests))]
        kept = [n for n in range(len(requests)) if len(wanted[n]) and len(before[n])]
        return cls(
            catalogue,
            known,
            train,
            requests.take(np.array(kept, dtype=np.int64)),
            Ragged.from_lists([before[n] for n in kept]),
            Ragged.from_lists([wanted[n] for n in kept]),
            new,
        )

    def recalls(self, score: Scores) -> dict[tuple[str, int], Float64]:
        """Each figure of each request, what the user has seen left out."""
        seen = known_rows(self.requests.batch.seen, self.catalogue)
        masked = np.array(score, dtype=np.float32)
        masked[:, 0] = -np.inf
        masked[seen.segment, seen.values] = -np.inf
        alone = np.where(self.new, masked, -np.inf)
        return {(among, k): self._recall(alone if among == NEW else masked, k) for among, k in FIGURES}

    def _recall(self, score: Float32, k: int) -> Float64:
        k = min(k, score.shape[1] - 1)
        top = np.argpartition(-score, k, axis=1)[:, :k]
        request = np.repeat(np.arange(len(top)), k)
        hit = self.wanted.contains(request, top.ravel())
        value = np.take_along_axis(score, top, axis=1).ravel()
        return recall(value, hit, top.ravel(), np.arange(len(top) + 1) * k, n_relevant=self.wanted.lengths, k=k)

    @property
    def profile(self) -> csr_array:
        """float32 ``(R, V + 1)``, 1 where a request's user liked the row before."""
        at = (self.liked_before.segment, self.liked_before.values)
        held = csr_array((np.ones(len(at[0]), np.float32), at), shape=(len(self.requests), len(self.catalogue)))
        held.data[:] = 1.0
        return held


def run(quick: bool, seed: int) -> Sequence[Row]:
    """MovieLens-100K, and KuaiRand where it is at hand; ``quick`` judges one part and leaves KuaiRand out."""
    rows = _on(load("movielens"), 1 if quick else PARTS - TUNED, seed, quick=quick)
    second = None if quick else read_shared(KUAIRAND)
    if second is not None:
        rows += _on(second, 2, seed, quick=quick)
    elif not quick:
        print("KuaiRand is left out: point SHORTLIST_DATA at a folder that holds kuairand/", file=sys.stderr)
    return rows


def _on(dataset: Dataset, parts: int, seed: int, *, quick: bool) -> list[Row]:
    plan = FeedPlan.of(dataset, seed=seed)
    frozen = plan.split.calibration
    requests = plan.requests(dataset.interactions, frozen, plan.split.end, REQUESTS_AT_MOST)
    tuning = [World.of(dataset, requests, frozen, part, seed) for part in range(TUNED)]
    chosen = {name: _tuned(peer, tuning) for name, peer in PEERS.items()}
    found: dict[str, dict[tuple[str, int], list[Float64]]] = {}
    users: list[Int64] = []
    took: list[float] = []
    for part in range(TUNED, TUNED + parts):
        world = World.of(dataset, requests, frozen, part, seed)
        users.append(world.requests.users)
        score, added_s = _content_tower(world, seed, quick=quick)
        took.append(added_s)
        judged = {TOWER: score} | {name: PEERS[name].score(world, chosen[name], seed + part) for name in PEERS}
        for name, scores in judged.items():
            for figure, value in world.recalls(scores).items():
                found.setdefault(name, {}).setdefault(figure, []).append(value)
    who = np.concatenate(users)
    values = {name: {what: np.concatenate(v) for what, v in by.items()} for name, by in found.items()}
    rows = [
        Row("shortlist", f"{dataset.name}, new items: embed and insert all of a part", float(np.median(took)), "ms")
    ]
    for (among, k), (name, by) in itertools.product(FIGURES, values.items()):
        interval = clustered_interval(by[among, k], who, rng=seed)
        told = f" ({chosen[name]})" if chosen.get(name) else ""
        what = f"{dataset.name}, new items, {among}: recall@{k}, {name}{told}"
        rows.append(Row(_whose(name), what, interval.estimate, "", interval.low, interval.high))
    for (among, k), name in itertools.product(FIGURES, PEERS):
        interval = paired_interval(values[TOWER][among, k], values[name][among, k], who, rng=seed)
        what = f"{dataset.name}, new items, {among}: recall@{k} over that of {name}"
        rows.append(Row("shortlist", what, interval.estimate, "difference", interval.low, interval.high))
    return rows + _new_users(dataset, requests, frozen, seed, quick=quick)


def _whose(name: str) -> str:
    return "shortlist" if name == TOWER else name


def _content_tower(world: World, seed: int, *, quick: bool) -> tuple[Scores, float]:
    """The released path: train without the new items, add them, ask; and the milliseconds that adding took."""
    source = fit_two_tower(world.train, world.known, recipe=TwoTowerRecipe(epochs=2) if quick else None, seed=seed)
    began = time.perf_counter()
    source.add(world.catalogue)
    took_ms = 1e3 * (time.perf_counter() - began)
    return source.towers.user_vectors(world.liked_before) @ source.item_vectors.T, took_ms


@dataclass(frozen=True)
class Peer:
    """What a user would do instead: its settings to try, and its scores with one of them."""

    score: Callable[[World, str, int], Scores]
    settings: tuple[str, ...] = ("",)


def _tuned(peer: Peer, worlds: Sequence[World]) -> str:
    def reached(setting: str) -> float:
        return float(np.mean([world.recalls(peer.score(world, setting, 0))[NEW, 20].mean() for world in worlds]))

    return max(peer.settings, key=reached) if len(peer.settings) > 1 else peer.settings[0]


def _content_knn(world: World, setting: str, seed: int) -> Scores:  # noqa: ARG001
    """Cosine of TF-IDF vectors with the mean of those of all liked items (Pazzani & Billsus 2007)."""
    prefixes = FIELDS[setting]
    number: dict[str, int] = {}
    rows, columns = list[int](), list[int]()
    for row, tokens in enumerate(content_strings(world.catalogue.table), start=1):
        for token in tokens:
            if token.startswith(prefixes):
                rows.append(row)
                columns.append(number.setdefault(token, len(number)))
    count: csr_array = csr_array(
        (np.ones(len(rows), np.float32), (rows, columns)), shape=(len(world.catalogue), len(number))
    )
    n_known = len(world.known) - 1
    idf = np.log((n_known + 1) / (np.asarray((count[: n_known + 1] > 0).sum(axis=0)).ravel() + 1))
    weighed = csr_array(count.multiply(idf[None, :].astype(np.float32)))
    length = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    unit = csr_array(weighed.multiply((1.0 / np.maximum(length, 1e-9))[:, None]))
    return np.asarray(((world.profile @ unit) @ unit.T).todense(), dtype=np.float32)


def _category_popularity(world: World, setting: str, seed: int) -> Scores:  # noqa: ARG001
    """Likes an item of each category; an item has the sum or the mean over its own."""
    rate, pooled = _category_rates(world), _pooled(world, setting)
    return np.tile(pooled @ rate, (len(world.requests), 1))


def _own_category_popularity(world: World, setting: str, seed: int) -> Scores:  # noqa: ARG001
    """The share of each category among the user's likes, smoothed by five of everybody's, times its rate or not."""
    matrix, pool = world.catalogue.category_matrix, setting.split(", ")
    everybody = _positives(world) @ matrix
    own = world.profile @ matrix
    n_liked = world.liked_before.lengths[:, None]
    share = (own + 5.0 * everybody / max(everybody.sum(), 1.0)) / (n_liked + 5.0)
    weight = share * _category_rates(world) if pool[1] == "times rate" else share
    return np.asarray(weight @ _pooled(world, pool[0]).T, dtype=np.float32)


def _positives(world: World) -> Float64:
    liked = world.train.filter(pl.col("positive"))["item"].to_numpy()
    return np.bincount(world.catalogue.rows(liked), minlength=len(world.catalogue)).astype(np.float64)


def _category_rates(world: World) -> Float64:
    matrix = world.catalogue.category_matrix
    return np.asarray(_positives(world) @ matrix / np.maximum(matrix[1 : len(world.known)].sum(axis=0), 1.0))


def _pooled(world: World, how: str) -> Float64:
    matrix = world.catalogue.category_matrix.astype(np.float64)
    return matrix if how == "sum" else matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1.0)


def _chance(world: World, setting: str, seed: int) -> Scores:  # noqa: ARG001
    return np.random.default_rng(seed).random((len(world.requests), len(world.catalogue)), dtype=np.float32)


FIELDS: Mapping[str, tuple[str, ...]] = {
    "all tokens": ("y", "b:", "c:", "x:", "p:", "t:"),
    "no pairs": ("y", "b:", "c:", "p:", "t:"),
    "the year alone of dates": ("y1:", "b:", "c:", "p:", "t:"),
    "no dates": ("b:", "c:", "p:", "t:"),
    "brand and categories": ("b:", "c:"),
}
PEERS: Mapping[str, Peer] = {
    "content-kNN": Peer(_content_knn, tuple(FIELDS)),
    "category popularity": Peer(_category_popularity, ("sum", "mean")),
    "category popularity, personal": Peer(
        _own_category_popularity, ("sum, times rate", "mean, times rate", "sum, share", "mean, share")
    ),
    "chance": Peer(_chance),
}


def _new_users(dataset: Dataset, requests: LabelledRequests, frozen: int, seed: int, *, quick: bool) -> list[Row]:
    """What users find who have liked 0, 1, 2 or 5 items: the sources and their merge, recall@50."""
    catalogue = Catalogue(dataset.items)
    train = dataset.interactions.filter(pl.col("at_us") < frozen)
    sources: tuple[Source, ...] = (
        fit_popular(train, catalogue),
        fit_item_neighbours(train, catalogue),
        fit_als(train, catalogue, seed=seed),
        fit_two_tower(train, catalogue, recipe=TwoTowerRecipe(epochs=2) if quick else None, seed=seed),
    )
    enough = requests.take(np.flatnonzero((requests.batch.history.lengths >= 5) & (requests.liked.lengths > 0)))
    rows = []
    for n in (0, 1, 2, 5):
        history = Ragged.from_lists(
            [enough.batch.history[r][-n:] if n else np.empty(0, np.int64) for r in range(len(enough))]
        )
        found = [source.retrieve(enough.batch.with_history(history, enough.batch.seen)) for source in sources]
        merged = merge(found, weights=FEED_WEIGHTS)
        figures = {part.source_names[0]: _found(part, part.source_score[:, 0], enough) for part in found}
        figures["merge"] = _found(merged, merged[RETRIEVAL_SCORE], enough)
        for name, value in figures.items():
            interval = clustered_interval(value, enough.users, rng=seed)
            what = f"{dataset.name}, new users, {n} likes: recall@50, {name}"
            rows.append(Row("shortlist", what, interval.estimate, "", interval.low, interval.high))
        over = paired_interval(figures["merge"], figures["popular"], enough.users, rng=seed)
        what = f"{dataset.name}, new users, {n} likes: recall@50 of the merge over that of popular"
        rows.append(Row("shortlist", what, over.estimate, "difference", over.low, over.high))
    return rows


def _found(candidates: Candidates, score: Scores, requests: LabelledRequests) -> Float64:
    hit = requests.liked.contains(candidates.request_index, candidates.item)
    offsets = candidates.request_offsets
    return recall(score, hit, candidates.item, offsets, n_relevant=requests.liked.lengths, k=50)
