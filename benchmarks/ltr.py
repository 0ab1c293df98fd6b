"""Learning to rank on graded lists (MSLR-WEB30K's): NDCG@10, cross-validated by query, intervals by query.

Every ranker sees the same queries in the same folds, with settings that were not tuned on them. Trees see the features
as they are; the net sees them as logarithms, standardised within a query. Small samples of queries do not establish an
order: where no paired interval excludes zero, the table says so before its figures.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.report import Row
from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.datasets.mslr import GradedLists, load_mslr
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.learning.losses.lambda_rank import lambda_rank_loss
from shortlist.learning.losses.listwise import calibrated_ranking_loss, softmax_loss
from shortlist.learning.losses.pairwise import pairwise_logistic_loss
from shortlist.learning.losses.pointwise import squared_loss
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_fit import GBDTRecipe, fit_gbdt

__all__ = ["TOP_GAIN", "lightgbm_scores", "ndcg_at_10", "run", "some_lists", "standardised_logarithms"]

FOLDS = 5
PEER = "LightGBM lambdarank"
TOP_GAIN = 15.0
"""``2^4 - 1``: gains divided by it lie in [0, 1]."""

Fit = Callable[[GradedLists, GradedLists, int], Array]
"""Scores of the second lists by a ranker fitted on the first, with a seed."""


def run(quick: bool, seed: int) -> Sequence[Row]:
    """NDCG@10 (linear discount, gain 2^grade - 1) of each ranker, and its distance from LightGBM's lambdarank."""
    torch.set_num_threads(1)
    lists = load_mslr()
    n = len(lists.query)
    repeats = 1 if quick else 3
    rng = np.random.default_rng(seed)
    value: dict[str, Float64] = {name: np.zeros(n) for name in RANKERS}
    took: dict[str, float] = dict.fromkeys(RANKERS, 0.0)
    for repeat in range(repeats):
        fold = rng.permutation(n) % FOLDS
        for f in range(FOLDS):
            train, test = (some_lists(lists, np.flatnonzero(here)) for here in (fold != f, fold == f))
            for name, fit in RANKERS.items():
                began = time.perf_counter()
                score = fit(train, test, seed + repeat)
                took[name] += time.perf_counter() - began
                value[name][fold == f] += ndcg_at_10(score, test) / repeats
    rows: list[Row] = []
    apart = []
    for name, by_query in value.items():
        who = name if name in PEERS else "shortlist"
        mean = clustered_interval(by_query, np.arange(n), rng=seed)
        rows.append(Row(who, f"{name}: NDCG@10, {n} queries", mean.estimate, "", mean.low, mean.high))
        if name != PEER:
            away = paired_interval(by_query, value[PEER], np.arange(n), rng=seed)
            rows.append(Row(who, f"{name}: less {PEER}", away.estimate, "", away.low, away.high))
            apart += [name] if away.low > 0.0 or away.high < 0.0 else []
        rows.append(Row(who, f"{name}: fit and score, a fold", took[name] / repeats / FOLDS, "s"))
    verdict = f"only {', '.join(apart)} differ from {PEER}" if apart else f"nothing differs from {PEER}"
    print(f"{n} queries do not establish an order of these rankers: {verdict} beyond a 95% interval by query.")
    return rows


def _net(loss: Callable[..., torch.Tensor], *, hidden: int, top: float) -> Fit:
    """A net (or, without hidden units, a linear model) on standardised features, by Adam, eight queries a step."""

    def fit(train: GradedLists, test: GradedLists, seed: int) -> Array:
        torch.manual_seed(seed)
        x, gain, where = _padded(train)
        width = x.shape[-1]
        net = (
            torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1))
            if hidden
            else torch.nn.Linear(width, 1)
        )
        step = torch.optim.AdamW(net.parameters(), lr=1e-3 if hidden else 3e-3, weight_decay=0.1)
        for _ in range(40):
            for batch in torch.split(torch.randperm(len(x)), 8):
                step.zero_grad()
                loss(net(x[batch]).squeeze(-1), gain[batch] * top, where=where[batch]).backward()  # type: ignore[no-untyped-call]
                step.step()
        x, _, where = _padded(test)
        with torch.no_grad():
            return np.asarray(net(x).squeeze(-1)[where].numpy())

    return fit


def _grades(loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A loss that reads gains as grades from 0 to 4."""
    return lambda scores, gain, *, where: loss(scores, torch.log2(gain + 1.0), where=where)


def _our_trees(train: GradedLists, test: GradedLists, seed: int) -> Array:
    """Pointwise trees by cross-entropy, a row weighing its gain as a positive and the rest as a negative."""
    n_later = len(train.query) // 5
    parts = [some_lists(train, np.arange(len(train.query))[cut]) for cut in (slice(n_later, None), slice(n_later))]
    rows = [np.concatenate([part.features] * 2) for part in parts]
    label = [np.repeat([1, 0], len(part.grade)) for part in parts]
    gain = (2.0 ** parts[0].grade - 1.0) / TOP_GAIN
    # the trees stop by the loss on a fifth of the queries; that loss has no weights, so a row is drawn as its gain says
    later = (2.0 ** parts[1].grade - 1.0) / TOP_GAIN > np.random.default_rng(seed).random(len(parts[1].grade))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.txt"
        fit_gbdt(
            rows[0],
            label[0],
            features=[f"f{i}" for i in range(train.features.shape[1])],
            weight=np.concatenate([gain, 1.0 - gain]),
            validation=(parts[1].features, later.astype(np.int64)),
            recipe=GBDTRecipe(trees=200),
            seed=seed,
            path=path,
        )
        return GBDT.load(path).raw(test.features)


def _lightgbm(objective: str) -> Fit:
    return lambda train, test, seed: lightgbm_scores(train, test, objective=objective, seed=seed)


def lightgbm_scores(
    train: GradedLists, test: GradedLists, *, objective: str, seed: int, position: Int64 | None = None
) -> Array:
    """Of the second lists, by 150 trees on the first; ``position`` of each training row is LightGBM's own treatment."""
    import lightgbm

    settings = {"objective": objective, "learning_rate": 0.05, "seed": seed, "num_threads": 1, "verbose": -1}
    data = lightgbm.Dataset(train.features, train.grade, group=np.diff(train.offsets), position=position)
    return np.asarray(lightgbm.train(settings, data, 150).predict(test.features))


def _catboost(train: GradedLists, test: GradedLists, seed: int) -> Array:
    from catboost import CatBoost, Pool

    group = np.repeat(train.query, np.diff(train.offsets))
    model = CatBoost(
        {
            "loss_function": "YetiRank",
            "iterations": 150,
            "learning_rate": 0.1,
            "random_seed": seed,
            "thread_count": 1,
            "verbose": False,
            "allow_writing_files": False,
        }
    )
    model.fit(Pool(train.features, train.grade / 4.0, group_id=group))
    return np.asarray(model.predict(test.features))


RANKERS: dict[str, Fit] = {
    "net, LambdaRank": _net(_grades(lambda_rank_loss), hidden=32, top=TOP_GAIN),
    "net, softmax": _net(softmax_loss, hidden=32, top=TOP_GAIN),
    "net, RankNet": _net(_grades(pairwise_logistic_loss), hidden=32, top=TOP_GAIN),
    "net, calibrated ranking": _net(calibrated_ranking_loss, hidden=32, top=1.0),
    "net, regression": _net(_grades(squared_loss), hidden=32, top=TOP_GAIN),
    "linear, softmax": _net(softmax_loss, hidden=0, top=TOP_GAIN),
    "boosted trees, cross-entropy": _our_trees,
    PEER: _lightgbm("lambdarank"),
    "LightGBM regression": _lightgbm("regression"),
    "CatBoost YetiRank": _catboost,
}
PEERS = (PEER, "LightGBM regression", "CatBoost YetiRank")


def some_lists(lists: GradedLists, which: Int64) -> GradedLists:
    row = np.concatenate([np.arange(lists.offsets[q], lists.offsets[q + 1]) for q in which])
    length = np.diff(lists.offsets)[which]
    return GradedLists(
        lists.features[row], lists.grade[row], lists.query[which], np.concatenate([[0], np.cumsum(length)])
    )


def _padded(lists: GradedLists) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Standardised features ``(Q, L, F)``, gains over the top one ``(Q, L)``, and where there is a row."""
    length = np.diff(lists.offsets)
    shape = (len(length), int(length.max()))
    where = np.arange(shape[1]) < length[:, None]
    x = np.zeros((*shape, lists.features.shape[1]), dtype=np.float32)
    x[where] = standardised_logarithms(lists)
    gain = np.zeros(shape, dtype=np.float32)
    gain[where] = (2.0**lists.grade - 1.0) / TOP_GAIN
    return torch.from_numpy(x), torch.from_numpy(gain), torch.from_numpy(where)


def standardised_logarithms(lists: GradedLists) -> Float32:
    """What a net sees of the features: logarithms, standardised within a query."""
    raw = np.sign(lists.features) * np.log1p(np.abs(lists.features))
    bounds = zip(lists.offsets[:-1], lists.offsets[1:], strict=True)
    return np.concatenate([_standard(raw[start:end]) for start, end in bounds])


def _standard(x: Float32) -> Float32:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0), dtype=np.float32)


def ndcg_at_10(score: Array, lists: GradedLists) -> Float64:
    """A query of which nothing is relevant has no order to get right; it counts 0 for all rankers."""
    found = ndcg(score, 2.0**lists.grade - 1.0, np.arange(len(score)), lists.offsets)
    return np.nan_to_num(found, nan=0.0)
