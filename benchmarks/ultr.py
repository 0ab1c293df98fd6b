"""Unbiased learning to rank: how much of what place bias costs is won back from clicks? NDCG@10 on queries not logged.

Three thousand queries of the simulated market, of which everything is known: a query is a taste group with an intent,
has twenty candidates, and the grade of one follows from P(click | looked at). For two thirds of the queries a weak
logger, which goes by popularity and a little by quality, draws ten places; in every fourth list the first place and
another were swapped by a fair coin. Users read by the position-based model (PBM), or with trust bias: they click what
stands high without being attracted. What learns sees the log: features, places, clicks, swaps. Truth judges, and makes
the rows that say "true labels" and "oracle".

Naive, IPS and true labels are one net with one loss (``weighted_ranker``); only the weights differ. Of the curves by
swap interventions, harvesting and regression-EM, "IPS, estimated curve" takes the one under which a position-based
click model predicts the clicks of held-out logged queries best. LightGBM sees the same rows.

"share of the gap" is (it - naive) / (true labels - naive) of the net. Intervals are Student's, over seeds: each has
another world and another log. MSLR's queries follow, graded by people, with simulated clicks: 43 are too few to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_expit, stdtrit

from benchmarks.ltr import TOP_GAIN, lightgbm_scores, ndcg_at_10, standardised_logarithms
from benchmarks.report import Row
from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.errors import DatasetUnavailable
from shortlist.datasets.mslr import GradedLists, load_mslr
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.learning.position_click import fit_position_click
from shortlist.learning.propensity.curve import ExaminationCurve, inverse_propensity_weights
from shortlist.learning.propensity.dual import dual_learning
from shortlist.learning.propensity.harvest import curve_from_harvest
from shortlist.learning.propensity.lists import ListBatch
from shortlist.learning.propensity.regression_em import regression_em
from shortlist.learning.propensity.scorer_arrays import ScorerArrays
from shortlist.learning.propensity.swaps import curve_from_swaps
from shortlist.learning.propensity.tower import position_tower
from shortlist.learning.propensity.weighted_ranker import weighted_ranker
from shortlist.simulation.examination import Examination
from shortlist.simulation.feed_world import FEATURES, FeedWorld
from shortlist.simulation.log_shape import LogShape

__all__ = ["CURVE", "READERS", "Judged", "best_curve", "click_log", "curves", "market", "ndcg_of_all", "nets", "run"]

PLACES = 10
CURVE: Float64 = 1.0 / np.arange(1, PLACES + 1)
READERS = {
    "PBM": Examination.position_based(CURVE),
    "trust bias": Examination.trust_bias(CURVE, np.linspace(0.99, 0.9, PLACES), np.linspace(0.2, 0.02, PLACES)),
}
OURS = ("IPS, estimated curve", "additive position tower", "dual learning")
NAIVE, TRUE, PEER = "naive clicks", "true labels", "LightGBM, position"
_SWAPPED = 0.25
_EM_LISTS = 1_500
_BM25 = 109
"""MSLR's BM25 of the whole document, its feature 110."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """``Q`` queries with up to ``n`` candidates each, and the truth about them.

    Attributes:
        features: float64 ``(Q, n, F)``.
        held: bool ``(Q, n)``, where there is a candidate.
        attraction: float64 ``(Q, n)``, P(click | looked at).
        grade: int64 ``(Q, n)``, 0 to 4.
        share: float64 ``(Q,)``, how often each is asked.
        logger: who serves the log.
    """

    features: Float64
    held: Bool
    attraction: Float64
    grade: Int64
    share: Float64
    logger: ListPolicy

    def lists(self, which: Int64) -> GradedLists:
        """Some of the queries, for trees and for judging."""
        there = self.held[which]
        return GradedLists(
            features=self.features[which][there].astype(np.float32),
            grade=self.grade[which][there],
            query=which,
            offsets=np.concatenate([[0], np.cumsum(there.sum(axis=1))]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ClickLog:
    """All that learns from clicks may see.

    Attributes:
        query: int64 ``(S,)``.
        item: int64 ``(S, L)``, numbers of candidates.
        lists: their features and clicks.
        partner: int64 ``(S,)``, the place from 0 that was to swap with the first by a fair coin; 0 without one.
    """

    query: Int64
    item: Int64
    lists: ListBatch
    partner: Int64

    @property
    def place(self) -> Int64:
        """From 0, ``(S, L)``."""
        return np.tile(np.arange(self.lists.places), (len(self.query), 1))

    def take(self, rows: Array) -> ClickLog:
        """Some of the lists."""
        part = ListBatch.of(self.lists.features[rows], self.lists.click[rows])
        return ClickLog(self.query[rows], self.item[rows], part, self.partner[rows])


def run(quick: bool, seed: int) -> Sequence[Row]:
    """NDCG@10 (gain 2^grade - 1) of each ranker, ours beside naive, true labels and LightGBM."""
    torch.set_num_threads(1)
    seeds, intents, n = (3, 12, 4_000) if quick else (10, 60, 12_000)
    rows: list[Row] = []
    for reader, reading in READERS.items():
        found: list[dict[str, float]] = []
        for own in range(seed * seeds, (seed + 1) * seeds):
            queries, rng = market(groups=50, intents=intents, seed=own), np.random.default_rng([own, 1])
            logged, held_out = np.split(rng.permutation(len(queries.share)), [2 * len(queries.share) // 3])
            log = click_log(queries, reading, logged, n, rng)
            by_query = ndcg_of_all(log, queries, logged, held_out, own)
            found.append({name: float(values.mean()) for name, values in by_query.items()})
        rows += _rows(f"{reader}, {len(queries.share):,} queries", found)
    return [*rows, *_graded_by_people(500 if quick else 1_500, seed)]


def market(*, groups: int, intents: int, seed: int) -> Judged:
    """Queries of the simulated market; half of all candidates have grade 0, a twentieth 4."""
    shape = LogShape.invent(base_rate=0.2, places=PLACES, n_items=2_000)
    world = FeedWorld.draw(shape, READERS["PBM"], groups=groups, intents=intents, candidates=20, rng=seed)
    popularity, quality = (world.features[..., FEATURES.index(name)] for name in ("popularity", "quality"))
    score = (popularity - popularity.mean()) / popularity.std() + 0.3 * quality
    return Judged(
        features=world.features,
        held=np.ones(world.attraction.shape, dtype=bool),
        attraction=world.attraction,
        grade=np.searchsorted(np.quantile(world.attraction, [0.5, 0.7, 0.85, 0.95]), world.attraction),
        share=world.share,
        logger=ListPolicy.softmax(score, temperature=0.5, places=PLACES),
    )


def click_log(queries: Judged, reading: Examination, logged: Int64, n: int, rng: np.random.Generator) -> ClickLog:
    """N lists that the logger shows to the queries numbered ``logged``, a quarter of them with a swap or its twin."""
    query = rng.choice(logged, size=n, p=queries.share[logged] / queries.share[logged].sum())
    item = queries.logger.draw(query, rng=rng)
    partner = np.where(rng.random(n) < _SWAPPED, rng.integers(1, PLACES, n), 0)
    swapped = np.flatnonzero((partner > 0) & (rng.random(n) < 0.5))
    low = partner[swapped]
    item[swapped, 0], item[swapped, low] = item[swapped, low], item[swapped, 0]
    attraction = queries.attraction[query[:, None], item]
    click = reading.read(attraction, np.zeros_like(attraction), rng).click
    return ClickLog(query, item, ListBatch.of(queries.features[query[:, None], item], click), partner)


def curves(log: ClickLog) -> tuple[ExaminationCurve, ...]:
    """Three estimates of the examination curve from the log alone."""
    drawn, click = np.flatnonzero(log.partner), log.lists.click
    pair = log.query[:, None] * (log.item.max() + 1) + log.item
    few = slice(_EM_LISTS)
    rows = log.lists.features[few].reshape(-1, log.lists.features.shape[-1])
    return (
        curve_from_swaps(log.partner[drawn], click[drawn, 0], click[drawn, log.partner[drawn]], places=PLACES),
        curve_from_harvest(pair.ravel(), log.place.ravel(), click.ravel(), places=PLACES),
        regression_em(rows, log.place[few].ravel(), click[few].ravel(), places=PLACES)[0],
    )


def best_curve(log: ClickLog, rng: np.random.Generator) -> ExaminationCurve:
    """The curve, fitted on nine tenths of the logged queries, that explains the clicks of the others best."""
    names = np.unique(log.query)
    later = np.isin(log.query, rng.choice(names, size=len(names) // 10, replace=False))
    fit, held = log.take(~later), log.take(later)
    mean, spread = fit.lists.features.mean(axis=(0, 1)), fit.lists.features.std(axis=(0, 1)) + 1e-9

    def loss(curve: ExaminationCurve) -> float:
        gate = np.clip(curve.examination, 1e-3, 1.0)
        x, y = (((part.lists.features - mean) / spread).reshape(-1, len(mean)) for part in (fit, held))
        model = fit_position_click(x, fit.place.ravel() + 1, fit.lists.click.ravel(), slot_effects=gate, ridge=100.0)
        log_p = log_expit(model.logit(y)) + np.log(gate)[held.place.ravel()]
        return -float(np.where(held.lists.click.ravel(), log_p, np.log1p(-np.exp(log_p))).mean())

    known = [curve for curve in curves(fit) if np.isfinite(curve.examination).all()]
    return min(known, key=loss)


def ndcg_of_all(log: ClickLog, queries: Judged, logged: Int64, test: Int64, seed: int) -> Mapping[str, Float64]:
    """NDCG@10 of each ranker on each test query."""
    judged, graded = queries.lists(test), queries.lists(logged)
    clicks = GradedLists(
        features=log.lists.features.reshape(-1, log.lists.features.shape[-1]).astype(np.float32),
        grade=log.lists.click.ravel().astype(np.int64),
        query=log.query,
        offsets=np.arange(0, log.lists.click.size + 1, PLACES),
    )
    rows = judged.features.astype(np.float64)
    scores = {name: ranker.score(rows) for name, ranker in nets(log, queries, logged, seed).items()}
    for name, lists, position in (
        ("LightGBM, true labels", graded, None),
        ("LightGBM, naive clicks", clicks, None),
        (PEER, clicks, log.place.ravel()),
    ):
        scores[name] = lightgbm_scores(lists, judged, objective="lambdarank", seed=seed, position=position)
    return {name: ndcg_at_10(score, judged) for name, score in scores.items()}


def nets(log: ClickLog, queries: Judged, logged: Int64, seed: int) -> dict[str, ScorerArrays]:
    """Our rankers; only the first and the last look at more than the log."""
    gain: Float64 = np.exp2(queries.grade[logged].astype(np.float64)) - 1.0
    labels = ListBatch.of(queries.features[logged], queries.held[logged] & (gain > 0), queries.held[logged])

    def by_curve(examination: Float64) -> ScorerArrays:
        return weighted_ranker(log.lists, inverse_propensity_weights(log.place, examination), batch=64, rng=seed)

    estimated = best_curve(log, np.random.default_rng([seed, 2])).examination
    return {
        TRUE: weighted_ranker(labels, gain, batch=64, epochs=30, rng=seed),
        NAIVE: by_curve(np.ones(PLACES)),
        OURS[0]: by_curve(estimated),
        OURS[1]: position_tower(log.lists, rng=seed)[0],
        OURS[2]: dual_learning(log.lists, batch=64, rng=seed)[0],
        "IPS, oracle curve": by_curve(CURVE),
    }


def _rows(world: str, found: Sequence[Mapping[str, float]]) -> list[Row]:
    value = {name: np.array([one[name] for one in found]) for name in found[0]}
    rows = [_over_seeds(name, f"{world}: {name}, NDCG@10", values) for name, values in value.items()]
    for name in OURS:
        gap = (value[name] - value[NAIVE]) / (value[TRUE] - value[NAIVE])
        rows.append(_over_seeds(name, f"{world}: {name}, share of the gap", gap))
        rows.append(_over_seeds(name, f"{world}: {name}, less {PEER}", value[name] - value[PEER]))
    return rows


def _over_seeds(name: str, what: str, values: Float64) -> Row:
    half = float(stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values)))
    mean = float(values.mean())
    return Row("LightGBM" if name.startswith("LightGBM") else "shortlist", what, mean, "", mean - half, mean + half)


def _graded_by_people(n: int, seed: int) -> list[Row]:
    """MSLR in five folds by query, PBM clicks on what BM25 draws, all rankers on logarithms standardised by query."""
    try:
        queries = _mslr()
    except DatasetUnavailable as missing:
        print(f"left out: {missing}")
        return []
    rng, count = np.random.default_rng([seed, 3]), len(queries.share)
    fold, by_query = rng.permutation(count) % 5, dict[str, Float64]()
    for f in range(5):
        logged, test = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
        log = click_log(queries, READERS["PBM"], logged, n, rng)
        for name, values in ndcg_of_all(log, queries, logged, test, seed).items():
            by_query.setdefault(name, np.zeros(count))[test] = values
    rows = []
    for name, values in by_query.items():
        who = "LightGBM" if name.startswith("LightGBM") else "shortlist"
        mean = clustered_interval(values, np.arange(count), rng=seed)
        rows.append(Row(who, f"MSLR, {count} queries: {name}, NDCG@10", mean.estimate, "", mean.low, mean.high))
    for name in OURS:
        away = paired_interval(by_query[name], by_query[NAIVE], np.arange(count), rng=seed)
        rows.append(
            Row("shortlist", f"MSLR, too few to decide: {name}, less naive", away.estimate, "", away.low, away.high)
        )
    return rows


def _mslr() -> Judged:
    """A grade of 0 attracts a tenth of those who look, a grade of 4 all of them."""
    lists = load_mslr()
    length = np.diff(lists.offsets)
    held = np.arange(length.max()) < length[:, None]
    features, grade = np.zeros((*held.shape, lists.features.shape[1])), np.zeros(held.shape, dtype=np.int64)
    features[held], grade[held] = standardised_logarithms(lists), lists.grade
    attraction = np.where(held, 0.1 + 0.9 * (2.0**grade - 1.0) / TOP_GAIN, 0.0)
    score = np.where(held, features[..., _BM25], -1e6)
    logger = ListPolicy.softmax(score, temperature=0.5, places=PLACES)
    return Judged(features, held, attraction, grade, np.full(len(held), 1.0 / len(held)), logger)
