"""Sources beside the libraries and models that people use for retrieval, on the literature's split of two data sets.

THE SPLIT LEAKS THE FUTURE (see ``evaluation.last_positives``): these figures compare retrievers with each other and
with papers, and say nothing of what a server will reach; ``shortlist evaluate`` does. A user's last 20% of positives
by time (floor, at least 1; users with at least 5) are the test; all items but the user's training positives are
candidates; the whole list is ranked. Recall is over all of a user's test positives.

Whatever is tuned is tuned on the same cut of the *training* positives: the peers' settings here in this run, by
NDCG@100 over the grids below, and the weights of the fusion. Our sources' own settings are the package's defaults for
both data sets; those of ease, bpr and sequence were chosen on that cut of MovieLens-100K, the others' on requests
between 60% and 80% of its time. Peers get what their models take: which user liked what. Ours read the order of the
likes as well, and the two-tower source the items' texts and categories.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.report import Row
from shortlist.core.arrays import Float32, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.request import Request, RequestBatch
from shortlist.core.stages import Source
from shortlist.datasets.dataset import Dataset
from shortlist.datasets.known import KUAIRAND
from shortlist.datasets.load import load, read_shared
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval
from shortlist.evaluation.last_positives import last_positives
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall
from shortlist.features.catalogue import Catalogue
from shortlist.learning.sequence import SequenceRecipe
from shortlist.learning.two_tower import TwoTowerRecipe
from shortlist.retrieval import fit
from shortlist.retrieval.fusion.fit_weights import fit_weights
from shortlist.retrieval.fusion.interleave import interleave
from shortlist.retrieval.fusion.order import ordered_by
from shortlist.retrieval.fusion.reciprocal_rank import reciprocal_rank
from shortlist.retrieval.item_neighbours import liked_matrix

__all__ = ["run"]

LIMIT = 200
BLOCK = 512
METRICS = ("recall@20", "recall@50", "NDCG@10", "NDCG@100")
CHOSEN_BY = "NDCG@100"

Figures = dict[str, Float64]
"""The value of each metric for each request."""
Setting = Mapping[str, float]
Scores = Callable[[Int64], Float32]
"""Users' rows ``(n,)`` to the scores of all items, ``(n, V + 1)``."""


@dataclass(frozen=True, eq=False)
class Cut:
    """One split of one data set: what may be learned from, the requests, and what each of them should find."""

    catalogue: Catalogue
    train: pl.DataFrame
    batch: RequestBatch
    wanted: Ragged

    @classmethod
    def of(cls, catalogue: Catalogue, interactions: pl.DataFrame) -> Cut:
        train, test = last_positives(interactions)
        users = test["user"].unique().sort().to_numpy()
        first_us = test.group_by("user").agg(pl.col("at_us").min()).sort("user")["at_us"].to_list()
        history = _lists(train, users)
        requests = (
            Request(str(user), k=LIMIT, at_us=at_us, user=user)
            for user, at_us in zip(users.tolist(), first_us, strict=True)
        )
        return cls(catalogue, train, RequestBatch.of(*requests).with_history(history, history), _lists(test, users))

    def judge(self, found: Candidates, score: Float64) -> Figures:
        """Each metric of each request; what was not found counts as missed."""
        hit, offsets, item = self.wanted.contains(found.request_index, found.item), found.request_offsets, found.item
        ideal = Ragged(np.ones(len(self.wanted.values), dtype=np.int64), self.wanted.offsets)
        return {
            **{f"recall@{k}": recall(score, hit, item, offsets, n_relevant=self.wanted.lengths, k=k) for k in (20, 50)},
            **{
                f"NDCG@{k}": np.nan_to_num(ndcg(score, hit.astype(np.float64), item, offsets, ideal=ideal, k=k))
                for k in (10, 100)
            },
        }

    def judge_source(self, found: Candidates) -> Figures:
        return self.judge(found, -found.source_rank[:, 0].astype(np.float64))


@dataclass(frozen=True)
class Peer:
    """What a user would pick instead: how it is fitted, and the settings that are tried."""

    name: str
    fit: Callable[[csr_array, Setting, int], Scores]
    grid: Mapping[str, Sequence[float]]

    def settings(self, *, quick: bool) -> list[Setting]:
        """The whole grid, or its first point."""
        every = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        return list(every[:1] if quick else every)


def run(quick: bool, seed: int) -> Sequence[Row]:
    """MovieLens-100K, and KuaiRand where it is at hand; ``quick`` tunes no peer and leaves KuaiRand out."""
    datasets = [load("movielens")]
    second = None if quick else read_shared(KUAIRAND)
    if second is not None:
        datasets.append(second)
    elif not quick:
        print("KuaiRand is left out: point SHORTLIST_DATA at a folder that holds kuairand/", file=sys.stderr)
    return [row for dataset in datasets for row in _on(dataset, quick=quick, seed=seed)]


def _on(dataset: Dataset, *, quick: bool, seed: int) -> list[Row]:
    catalogue = Catalogue(dataset.items)
    cut = Cut.of(catalogue, dataset.interactions)
    tuning = Cut.of(catalogue, cut.train)
    rows: list[Row] = []
    peers: dict[str, Figures] = {}
    for peer in PEERS:
        setting = _tuned(peer, tuning, quick=quick, seed=seed)
        found, took_s = _peer_found(peer, setting, cut, seed)
        peers[peer.name] = cut.judge_source(found)
        told = ", ".join(f"{name} {value:g}" for name, value in setting.items())
        rows += _rows(peer.name, f"{dataset.name}, {told or 'no settings'}", peers[peer.name], took_s, cut, seed)
    ours, chosen = _ours(dataset, tuning, cut, rows, quick=quick, seed=seed)
    for name in chosen:
        for metric in METRICS:
            best = max(peers, key=lambda peer: float(peers[peer][metric].mean()))
            interval = paired_interval(ours[name][metric], peers[best][metric], cut.batch.users, rng=seed)
            what = f"{dataset.name}, {name}: {metric} over the best peer's ({best})"
            rows.append(Row("shortlist", what, interval.estimate, "difference", interval.low, interval.high))
    return rows


def _ours(
    dataset: Dataset, tuning: Cut, cut: Cut, rows: list[Row], *, quick: bool, seed: int
) -> tuple[dict[str, Figures], tuple[str, str]]:
    """Each source and both fusions; and which source, and which fusion, did best on the tuning cut."""
    before = {name: _found(fitted, tuning, seed, quick=quick)[0] for name, fitted in SOURCES.items()}
    after: dict[str, Candidates] = {}
    ours: dict[str, Figures] = {}
    seconds: dict[str, float] = {}
    for name, fitted in SOURCES.items():
        after[name], seconds[name] = _found(fitted, cut, seed, quick=quick)
        ours[name] = cut.judge_source(after[name])
        rows += _rows("shortlist", f"{dataset.name}, {name}", ours[name], seconds[name], cut, seed)
    merged_before, merged = merge(list(before.values())), merge(list(after.values()))
    fused_before: dict[str, float] = {}
    for kind, score in (("reciprocal rank fusion", reciprocal_rank), ("interleaving", interleave)):
        weights = fit_weights(merged_before, tuning.wanted, score)
        fused_before[kind] = _mean(tuning.judge(merged_before, score(merged_before, weights)))
        ordered = ordered_by(merged, score(merged, weights))
        ours[kind] = cut.judge(ordered, ordered[RETRIEVAL_SCORE])
        told = ", ".join(f"{name} {weight:g}" for name, weight in weights.items() if weight)
        took_s = sum(seconds[name] for name, weight in weights.items() if weight)
        rows += _rows("shortlist", f"{dataset.name}, {kind} ({told})", ours[kind], took_s, cut, seed)
    single = max(SOURCES, key=lambda name: _mean(tuning.judge_source(before[name])))
    return ours, (single, max(fused_before, key=lambda kind: fused_before[kind]))


def _rows(who: str, what: str, figures: Figures, took_s: float, cut: Cut, seed: int) -> list[Row]:
    rows = [Row(who, f"{what}: fit", took_s, "s")]
    for metric in METRICS:
        interval = clustered_interval(figures[metric], cut.batch.users, rng=seed)
        rows.append(Row(who, f"{what}: {metric}", interval.estimate, "", interval.low, interval.high))
    return rows


def _mean(figures: Figures) -> float:
    return float(figures[CHOSEN_BY].mean())


def _found(fitted: Callable[[Cut, int, bool], Source], cut: Cut, seed: int, *, quick: bool) -> tuple[Candidates, float]:
    began = time.perf_counter()
    source = fitted(cut, seed, quick)
    took_s = time.perf_counter() - began
    return source.retrieve(cut.batch), took_s


def _tuned(peer: Peer, cut: Cut, *, quick: bool, seed: int) -> Setting:
    settings = peer.settings(quick=quick)
    if len(settings) == 1:
        return settings[0]
    reached = [_mean(cut.judge_source(_peer_found(peer, setting, cut, seed)[0])) for setting in settings]
    return settings[int(np.argmax(reached))]


def _peer_found(peer: Peer, setting: Setting, cut: Cut, seed: int) -> tuple[Candidates, float]:
    """A peer's first ``LIMIT`` of all items but each user's training positives."""
    liked = liked_matrix(cut.train, cut.catalogue)
    began = time.perf_counter()
    with threadpool_limits(1, "blas"):
        scores = peer.fit(liked, setting, seed)
    took_s = time.perf_counter() - began
    users = np.searchsorted(np.unique(cut.train["user"].to_numpy()), cut.batch.users)
    best: list[Int64] = []
    for start in range(0, len(users), BLOCK):
        part = users[start : start + BLOCK]
        score = np.array(scores(part), dtype=np.float64)
        score[liked[part].toarray() > 0] = -np.inf
        score[:, 0] = -np.inf
        near = np.argpartition(-score, LIMIT, axis=1)[:, :LIMIT] if score.shape[1] > LIMIT else _all(score)
        first = np.argsort(-np.take_along_axis(score, near, axis=1), axis=1, kind="stable")
        best.append(np.take_along_axis(near, first, axis=1))
    row = np.concatenate(best)
    item = cut.catalogue.item[row].ravel()
    offsets = np.arange(len(users) + 1, dtype=np.int64) * row.shape[1]
    return Candidates.found(
        peer.name, offsets, item, -np.tile(np.arange(row.shape[1]), len(users)).astype(float)
    ), took_s


def _all(score: Float64) -> Int64:
    return np.tile(np.arange(score.shape[1]), (len(score), 1))


def _lists(table: pl.DataFrame, users: Int64) -> Ragged:
    """Each user's items in the table's order, which is by user."""
    user, item = table["user"].to_numpy(), table["item"].to_numpy()
    ends = (np.searchsorted(user, users, side="left"), np.searchsorted(user, users, side="right"))
    return Ragged.from_lists([item[a:b] for a, b in zip(*ends, strict=True)])


def _popularity(liked: csr_array, setting: Setting, seed: int) -> Scores:  # noqa: ARG001
    count = np.asarray(liked.sum(axis=0), dtype=np.float32)
    return lambda users: np.tile(count, (len(users), 1))


def _item_knn(liked: csr_array, setting: Setting, seed: int) -> Scores:  # noqa: ARG001
    """Cosine with shrinkage, the nearest neighbours of each item (Ferrari Dacrema et al., RecSys 2019)."""
    both = (liked.T @ liked).toarray()
    length = np.sqrt(np.diag(both))
    similarity = both / (np.outer(length, length) + setting["shrinkage"] + 1e-9)
    np.fill_diagonal(similarity, 0.0)
    nearest = min(int(setting["neighbours"]), len(both))
    similarity[similarity < -np.partition(-similarity, nearest - 1, axis=1)[:, nearest - 1 : nearest]] = 0.0
    return lambda users: np.asarray(liked[users] @ similarity.T, dtype=np.float32)


def _ease(liked: csr_array, setting: Setting, seed: int) -> Scores:  # noqa: ARG001
    """Steck (WWW 2019), the ten lines of its algorithm 1."""
    gram = (liked.T @ liked).toarray().astype(np.float64)
    inverse = np.linalg.inv(gram + setting["λ"] * np.eye(len(gram)))
    weight = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weight, 0.0)
    return lambda users: np.asarray(liked[users] @ weight, dtype=np.float32)


def _implicit_als(liked: csr_array, setting: Setting, seed: int) -> Scores:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=int(setting["factors"]),
        regularization=setting["λ"],
        alpha=setting["confidence"],
        iterations=15,
        random_state=seed,
        num_threads=1,
    )
    model.fit(csr_matrix(liked), show_progress=False)
    return lambda users: np.asarray(model.user_factors[users] @ model.item_factors.T, dtype=np.float32)


def _implicit_bpr(liked: csr_array, setting: Setting, seed: int) -> Scores:
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=int(setting["factors"]),
        learning_rate=setting["rate"],
        regularization=setting["λ"],
        iterations=int(setting["epochs"]),
        random_state=seed,
        num_threads=1,
    )
    model.fit(csr_matrix(liked), show_progress=False)
    return lambda users: np.asarray(model.user_factors[users] @ model.item_factors.T, dtype=np.float32)


PEERS = (
    Peer("popularity", _popularity, {}),
    Peer("item-kNN", _item_knn, {"neighbours": (100, 50, 200, 400), "shrinkage": (20, 0, 50)}),
    Peer("EASE", _ease, {"λ": (300, 100, 200, 500)}),
    Peer("implicit ALS", _implicit_als, {"factors": (32, 64), "λ": (30, 10), "confidence": (10, 3, 20)}),
    Peer(
        "implicit BPR",
        _implicit_bpr,
        {"factors": (64,), "rate": (0.01, 0.003), "λ": (0.01, 0.03), "epochs": (100, 50, 200)},
    ),
)
SOURCES: Mapping[str, Callable[[Cut, int, bool], Source]] = {
    "popular": lambda cut, _seed, _quick: fit.fit_popular(cut.train, cut.catalogue, limit=LIMIT),
    "fresh": lambda cut, _seed, _quick: fit.fit_fresh(cut.train, cut.catalogue, limit=LIMIT),
    "item_neighbours": lambda cut, _seed, _quick: fit.fit_item_neighbours(cut.train, cut.catalogue, limit=LIMIT),
    "als": lambda cut, seed, _quick: fit.fit_als(cut.train, cut.catalogue, limit=LIMIT, seed=seed),
    "bpr": lambda cut, seed, _quick: fit.fit_bpr(cut.train, cut.catalogue, limit=LIMIT, seed=seed),
    "ease": lambda cut, _seed, _quick: fit.fit_ease(cut.train, cut.catalogue, limit=LIMIT),
    "sequence": lambda cut, seed, quick: fit.fit_sequence(
        cut.train, cut.catalogue, recipe=SequenceRecipe(epochs=4) if quick else None, limit=LIMIT, seed=seed
    ),
    "two_tower": lambda cut, seed, quick: fit.fit_two_tower(
        cut.train, cut.catalogue, recipe=TwoTowerRecipe(epochs=2) if quick else None, limit=LIMIT, seed=seed
    ),
}
