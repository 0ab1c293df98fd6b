"""Fits the feed of a release: sources, features, ranker and calibrator, each on the past of what it is used for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import torch

from shortlist.core.arrays import Bool, Float32
from shortlist.core.errors import DataError
from shortlist.core.stages import Source
from shortlist.datasets.dataset import Dataset
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeedFeatures
from shortlist.features.statistics import ItemStatistics
from shortlist.features.transitions import Transitions
from shortlist.learning.calibration.identity import IdentityCalibrator
from shortlist.learning.calibrator_choice import choose_calibrator
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.feed_inputs import feed_inputs
from shortlist.ranking.feed_ranker import FeedRanker, RankerFacts
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.runtime import Runtime
from shortlist.ranking.spec_sizes import spec_sizes
from shortlist.releases.manifest import RankerFact
from shortlist.retrieval.fit import RetrievalFact, fit_all, fit_als, fit_item_neighbours, fit_popular, fit_two_tower
from shortlist.retrieval.load import load_feed_sources
from shortlist.retrieval.vectors import load_item_vectors
from shortlist.training.examples import Examples, make_examples
from shortlist.training.plan import LEARNED_AT_MOST, FeedPlan
from shortlist.training.rates import RateBaselines
from shortlist.training.requests import LabelledRequests

__all__ = ["FeedFit", "early_components", "fit_feed", "fit_ranker", "log_odds", "ranker_examples", "scale_of"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class FeedFit:
    """What fitting a feed says of itself, for the manifest.

    Attributes:
        features_hash: of the ranker's inputs.
        sources: a fact a source.
        ranker: of the ranker and its calibrator.
    """

    features_hash: str
    sources: tuple[RetrievalFact, ...]
    ranker: RankerFact


def fit_feed(dataset: Dataset, catalogue: Catalogue, folder: Path, plan: FeedPlan, *, progress: Progress) -> FeedFit:
    """Fit and write ``retrieval/``, ``ranking/feed/`` and ``evaluation/`` of a release.

    The ranker learns from requests in the examples window, with sources and item tables fitted on what lies before
    it. The released sources and tables are then fitted on everything before the calibration window, and it is with
    these that training is stopped, the probabilities are calibrated and the release is judged. Training is stopped and
    the calibrator is chosen on the same rows; the test window has seen neither.

    Raises:
        DataError: a window holds no request, or no request with a positive and a negative.
    """
    interactions, split = dataset.interactions, plan.split
    learn = ranker_examples(interactions, catalogue, plan, progress=progress)

    late = _before(interactions, split.calibration)
    retrieval = folder / "retrieval"
    facts = fit_all(dataset, late, catalogue, retrieval, limit=plan.limit, seed=plan.seed, progress=progress)
    released = load_feed_sources(retrieval, catalogue, limit=plan.limit)
    features = _features(late, catalogue, load_item_vectors(retrieval, catalogue), released, plan)
    requests = plan.requests(interactions, split.calibration, split.test, LEARNED_AT_MOST)
    held_out = _examples("calibration examples", released, features, requests, plan, progress, rate=1.0)

    ranking = folder / "ranking" / "feed"
    ranking.mkdir(parents=True)
    features.save(ranking)
    losses = fit_ranker(features, learn, held_out, ranking, seed=plan.seed, progress=progress)
    facts_of_ranker = RankerFacts(
        features_hash=features.spec.hash,
        sources=features.sources,
        limit=plan.limit,
        negative_rate=learn.negative_rate,
    )
    (ranking / "ranker.json").write_bytes(msgspec.json.encode(facts_of_ranker))
    uncalibrated = FeedRanker(features, Runtime(ranking / "model.onnx"), IdentityCalibrator(), facts_of_ranker)
    chosen = choose_calibrator(uncalibrated.raw(held_out.rows), held_out.label, held_out.user, rng=plan.seed)
    chosen.calibrator.save(ranking / "calibration.json")
    RateBaselines.fit([learn, held_out], len(catalogue)).save(folder / "evaluation")
    ranker = RankerFact(losses=losses, calibrator=chosen.kind, calibrator_losses=dict(chosen.losses))
    return FeedFit(features.spec.hash, facts, ranker)


def early_components(
    interactions: pl.DataFrame, catalogue: Catalogue, plan: FeedPlan, *, progress: Progress
) -> tuple[tuple[Source, ...], FeedFeatures]:
    """The sources and features of the ranker's examples, fitted on what lies before the examples window.

    Args:
        interactions: the whole log; no event of the examples window or later is looked at.
        catalogue: the release's items.
        plan: the windows.
        progress: told of the sources done.

    Raises:
        DataError: nothing is liked before the examples window.
    """
    early = _before(interactions, plan.split.examples)
    sources, vectors = _early_sources(early, catalogue, plan, progress)
    return sources, _features(early, catalogue, vectors, sources, plan)


def ranker_examples(
    interactions: pl.DataFrame, catalogue: Catalogue, plan: FeedPlan, *, progress: Progress
) -> Examples:
    """What the ranker learns from: requests of the examples window, negatives thinned.

    Args:
        interactions: the whole log; no event of the calibration window or later is looked at.
        catalogue: the release's items.
        plan: the windows.
        progress: told of the requests done.

    Raises:
        DataError: the window holds no request, or no request with a positive and a negative.
    """
    sources, features = early_components(interactions, catalogue, plan, progress=progress)
    requests = plan.requests(interactions, plan.split.examples, plan.split.calibration, LEARNED_AT_MOST)
    return _examples("ranker examples", sources, features, requests, plan, progress, rate=plan.negative_rate)


def fit_ranker(
    features: FeedFeatures, learn: Examples, held_out: Examples, folder: Path, *, seed: int, progress: Progress
) -> tuple[float, ...]:
    """Train DCN-v2, write ``model.onnx`` and ``learning_curve.csv``; returns the validation log-loss after each pass.

    The validation rows are thinned like the training rows, so that both losses are of one kind.
    """
    sizes = spec_sizes(features.spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scales = scale_of(learn.rows.request[learn.rows.index]), scale_of(learn.rows.candidate)
        model = DCNv2(InputLayer(sizes, *scales, width=8), bias=log_odds(learn.label))
    thinned = held_out.label | (np.random.default_rng(seed).random(len(held_out)) < learn.negative_rate)
    fitted = fit_classifier(
        model,
        InputRows(sizes, feed_inputs(learn.rows), learn.label.astype(np.float32)),
        validation=InputRows(
            sizes, feed_inputs(held_out.rows.keep(thinned)), held_out.label[thinned].astype(np.float32)
        ),
        recipe=ClassifierRecipe(),
        seed=seed,
        progress=lambda done, total: progress("feed ranker", done, total),
    )
    fitted.curve.save(folder / "learning_curve.csv")
    export_onnx(model, sizes, folder / "model.onnx")
    return fitted.losses


def _before(interactions: pl.DataFrame, instant_us: int) -> pl.DataFrame:
    return interactions.filter(pl.col("at_us") < instant_us)


def _early_sources(
    interactions: pl.DataFrame, catalogue: Catalogue, plan: FeedPlan, progress: Progress
) -> tuple[tuple[Source, ...], Float32]:
    if not interactions["positive"].any():
        raise DataError(
            "nothing is liked in the first part of the log", where="interactions.positive", fix="check the column"
        )
    steps = 4
    done: list[Source] = []
    for fit in (fit_popular, fit_item_neighbours):
        done.append(fit(interactions, catalogue, limit=plan.limit))
        progress("early sources", len(done), steps)
    done.append(fit_als(interactions, catalogue, limit=plan.limit, seed=plan.seed))
    progress("early sources", len(done), steps)
    towers = fit_two_tower(interactions, catalogue, limit=plan.limit, seed=plan.seed)
    progress("early sources", steps, steps)
    return (*done, towers), towers.item_vectors


def _features(
    interactions: pl.DataFrame, catalogue: Catalogue, vectors: Float32, sources: Sequence[Source], plan: FeedPlan
) -> FeedFeatures:
    return FeedFeatures(
        catalogue,
        ItemStatistics.fit(interactions, catalogue),
        Transitions.fit(interactions, catalogue, window=plan.grid.horizon),
        vectors,
        sources=tuple(source.name for source in sources),
        limit=plan.limit,
    )


def _examples(
    what: str,
    sources: Sequence[Source],
    features: FeedFeatures,
    requests: LabelledRequests,
    plan: FeedPlan,
    progress: Progress,
    *,
    rate: float,
) -> Examples:
    if not len(requests):
        raise DataError(
            f"no user has enough interactions for {what}",
            where="interactions",
            fix=f"bring users with {plan.grid.first + plan.grid.horizon} interactions or more, spread over the log",
        )
    examples = make_examples(
        sources,
        features,
        requests,
        negative_rate=rate,
        rng=plan.seed,
        progress=lambda done, total: progress(what, done, total),
    )
    if examples.label.all() or not examples.label.any():
        raise DataError(
            f"the {what} are all liked or all not liked", where="interactions.positive", fix="bring rows of both kinds"
        )
    return examples


def log_odds(label: Bool) -> float:
    """The log odds of the share of positives; there are some, and there are negatives."""
    rate = float(label.mean())
    return float(np.log(rate / (1.0 - rate)))


def scale_of(values: Float32) -> Float32:
    """Mean and standard deviation of each column, float32 ``(2, c)``."""
    wide = values.astype(np.float64)
    return np.stack([wide.mean(axis=0), np.maximum(wide.std(axis=0), 1e-3)]).astype(np.float32)
