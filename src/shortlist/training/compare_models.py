"""All rankers trained on the same rows of a data set, and judged on the same later ones."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.datasets.dataset import Dataset
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.evaluation.calibration import debiased_calibration_error
from shortlist.evaluation.metrics.auc import auc
from shortlist.evaluation.metrics.log_loss import log_loss
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.features.catalogue import Catalogue
from shortlist.features.spec import SequenceFeature
from shortlist.learning.calibration.downsampling import undo_downsampling
from shortlist.learning.fit_classifier import ClassifierRecipe
from shortlist.learning.learning_curve import LearningCurve
from shortlist.ranking.feed_inputs import feed_inputs
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_fit import GBDTRecipe
from shortlist.ranking.gbdt_inputs import gbdt_matrix
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes, gather_inputs
from shortlist.ranking.spec_sizes import spec_sizes
from shortlist.training.comparison import CANDIDATES, Comparison, ModelFigures
from shortlist.training.examples import Examples, make_examples
from shortlist.training.feed import early_components
from shortlist.training.fit_rankers import NEURAL, fit_neural, fit_trees
from shortlist.training.plan import JUDGED_AT_MOST, LEARNED_AT_MOST, FeedPlan
from shortlist.training.requests import LabelledRequests

__all__ = ["compare_models"]

_HISTORY = 20
_TIMED = 60

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A window's rows, ready for every model."""

    inputs: Mapping[str, Array]
    examples: Examples

    @property
    def label(self) -> Float32:
        return self.examples.label.astype(np.float32)

    @property
    def has_second_task(self) -> bool:
        """Is there anything that was met and not liked, and anything that was not met?"""
        return bool((self.examples.met & ~self.examples.label).any()) and not self.examples.met.all()

    def training(self, sizes: InputSizes, *, two: bool) -> InputRows:
        """What a loop gathers from. Of two tasks, what was thinned counts for what was left out, in both."""
        if not two:
            return InputRows(sizes, self.inputs, self.label)
        return InputRows(sizes, self.inputs, self._both, self._weight)

    @property
    def _both(self) -> Float32:
        return np.stack([self.examples.label, self.examples.met], axis=1).astype(np.float32)

    @property
    def _weight(self) -> Float32:
        return np.where(self.examples.label, 1.0, 1.0 / self.examples.negative_rate).astype(np.float32)


def compare_models(dataset: Dataset, *, seed: int, progress: Progress) -> Comparison:
    """Train every ranker with its defaults on the examples window, judge it on the test window.

    Sources and item tables are those of before the examples window throughout; only histories go on. All models read
    the same inputs, the latest likes among them; boosted trees read the numbers and the categories, which is what they
    can use. Multi-task models learn what is met at all beside what is liked, and are judged on the latter; where a log
    does not tell the two apart they are left out. Early stopping looks at the calibration window. Nobody is tuned here:
    defaults meet defaults.

    Raises:
        DataError: the data set has no users, or a window holds no request with a positive and a negative.
    """
    catalogue, plan = Catalogue(dataset.items), FeedPlan.of(dataset, seed=seed)
    sources, features = early_components(dataset.interactions, catalogue, plan, progress=progress)
    split = plan.split

    def window(what: str, start: int, end: int, at_most: int, rate: float) -> _Rows:
        requests = plan.requests(dataset.interactions, start, end, at_most)
        examples = make_examples(
            sources,
            features,
            requests,
            negative_rate=rate,
            rng=seed,
            progress=lambda done, total: progress(what, done, total),
        )
        return _Rows(feed_inputs(examples.rows) | {"request_list_0": _histories(requests, catalogue)}, examples)

    learn = window("examples", split.examples, split.calibration, LEARNED_AT_MOST, plan.negative_rate)
    later = window("later examples", split.calibration, split.test, LEARNED_AT_MOST, plan.negative_rate)
    test = window("test rows", split.test, split.end, JUDGED_AT_MOST, 1.0)
    history = SequenceFeature("liked", features.spec.categorical[0].size, _HISTORY, like="item")
    sizes = spec_sizes(msgspec.structs.replace(features.spec, sequences=(history,)))

    found = []
    names = [name for name, kind in NEURAL.items() if not kind.tasks or learn.has_second_task]
    for number, name in enumerate((*names, "GBDT")):
        with tempfile.TemporaryDirectory() as scratch:
            judge = _trees if name == "GBDT" else _neural
            found.append(judge(name, sizes, learn, later, test, Path(scratch), seed))
        progress("models", number + 1, len(names) + 1)
    return Comparison(
        dataset=dataset.name,
        learned=len(learn.examples),
        judged=len(test.examples),
        requests=len(np.unique(test.examples.rows.index)),
        models=tuple(sorted(found, key=lambda one: -one.ndcg)),
    )


def _neural(
    name: str, sizes: InputSizes, learn: _Rows, later: _Rows, test: _Rows, folder: Path, seed: int
) -> ModelFigures:
    kind, path = NEURAL[name], folder / "model.onnx"
    two = bool(kind.tasks)
    fitted = fit_neural(
        kind,
        learn.training(sizes, two=two),
        later=later.training(sizes, two=two),
        recipe=ClassifierRecipe(),
        seed=seed,
        path=path,
    )
    logit = fitted.member.logits(test.inputs).astype(np.float64)
    request = _one_request(sizes, test)
    return _figures(
        name,
        logit[:, kind.tasks.index("like")] if two else logit,
        test,
        1.0 if two else learn.examples.negative_rate,
        rows_a_second=len(learn.examples) * len(fitted.curve.validation) / fitted.seconds,
        ms=_milliseconds(lambda: fitted.member.logits(request)),
        parameters=fitted.parameters,
        size=path.stat().st_size,
        curve=fitted.curve,
    )


def _trees(
    name: str, sizes: InputSizes, learn: _Rows, later: _Rows, test: _Rows, folder: Path, seed: int
) -> ModelFigures:
    path = folder / "model.txt"
    rows = learn.training(sizes, two=False)
    fitted = fit_trees(rows, later=later.training(sizes, two=False), recipe=GBDTRecipe(), seed=seed, path=path)
    trees = GBDT.load(path)
    request = gbdt_matrix(sizes, _one_request(sizes, test))
    return _figures(
        name,
        fitted.member.logits(test.inputs).astype(np.float64),
        test,
        learn.examples.negative_rate,
        rows_a_second=len(learn.examples) / fitted.seconds,
        ms=_milliseconds(lambda: trees.raw(request)),
        parameters=trees.parameters,
        size=path.stat().st_size,
        curve=fitted.curve,
    )


def _figures(
    name: str,
    logit: Float64,
    test: _Rows,
    negative_rate: float,
    *,
    rows_a_second: float,
    ms: float,
    parameters: int,
    size: int,
    curve: LearningCurve,
) -> ModelFigures:
    p = undo_downsampling(1.0 / (1.0 + np.exp(-logit)), negative_rate)
    label, rows = test.examples.label, test.examples.rows
    _, first = np.unique(rows.index, return_index=True)
    by_request = ndcg(p, label, test.examples.item, np.append(first, len(label)))
    judged = np.isfinite(by_request)
    interval = clustered_interval(by_request[judged], test.examples.user[first][judged], rng=0)
    return ModelFigures(
        model=name,
        auc=auc(p, label),
        log_loss=log_loss(p, label),
        calibration_error=debiased_calibration_error(p, label, cluster=test.examples.user),
        ndcg=interval.estimate,
        ndcg_low=interval.low,
        ndcg_high=interval.high,
        rows_a_second=rows_a_second,
        ms=ms,
        parameters=parameters,
        bytes=size,
        curve=curve,
    )


def _histories(requests: LabelledRequests, catalogue: Catalogue) -> Int64:
    """The latest likes of each request, newest first, padded with 0: int64 ``(R, L)``."""
    liked = requests.batch.history
    place = liked.offsets[1:, None] - 1 - np.arange(_HISTORY)
    rows = np.append(catalogue.rows(liked.values), 0)
    return np.where(place >= liked.offsets[:-1, None], rows[np.maximum(place, -1)], 0)


def _one_request(sizes: InputSizes, test: _Rows) -> dict[str, Array]:
    """``CANDIDATES`` rows of the test window's first request, over and over where it has fewer."""
    own = np.flatnonzero(test.inputs["request_index"] == test.inputs["request_index"][0])
    return gather_inputs(sizes, test.inputs, np.resize(own, CANDIDATES))


def _milliseconds(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMED):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return float(np.median(took)) * 1e3
