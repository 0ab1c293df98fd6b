"""The sheet of the widget ``models``: five rankers on the release's own log, with and without features made by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64
from shortlist.evaluation.bootstrap import paired_interval
from shortlist.evaluation.metrics.auc import auc
from shortlist.evaluation.metrics.log_loss import log_losses
from shortlist.funnel.engine import Engine
from shortlist.learning.progress import Progress
from shortlist.lessons.ranking_model.models import CANDIDATES, FEATURES, MODELS, ModelFigures, ModelsSheet
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.dlrm_model import DLRM
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_inputs import gbdt_columns, gbdt_matrix
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes, gather_inputs
from shortlist.ranking.logistic_regression_model import LogisticRegression
from shortlist.ranking.masknet_model import MaskNet
from shortlist.workbook.ranking_model.log_rows import LogRows, log_rows
from shortlist.workbook.ranking_model.trained import RECIPE, Net, logits, train_net, train_trees

__all__ = ["NETS", "fitted", "make_models", "trees_matrix"]

NETS = {
    "LR": Net(LogisticRegression, width=1),
    "DLRM": Net(DLRM),
    "DCN-v2": Net(DCNv2),
    "MaskNet": Net(MaskNet),
}
MODELS_RECIPE = msgspec.structs.replace(RECIPE, epochs=6, learning_rate=3e-3, embedding_rate=0.1)
TIMED = 40


def make_models(engine: Engine, seed: int, progress: Progress) -> ModelsSheet:
    """Train every model on both sets of features, judge it on the same last fifth, and time it."""
    rows = log_rows(engine)
    label, user = rows.label[rows.judged :], rows.user[rows.judged :]
    found: dict[str, dict[str, ModelFigures]] = {}
    losses: dict[tuple[str, str], Float64] = {}
    done = 0
    for features in FEATURES:
        for name in MODELS:
            score, parameters, work = fitted(name, features, rows, seed)
            p = 1.0 / (1.0 + np.exp(-score))
            losses[features, name] = log_losses(p, label)
            gain = paired_interval(losses[features, "LR"], losses[features, name], user, rng=seed)
            found.setdefault(name, {})[features] = ModelFigures(
                auc=auc(score, label),
                log_loss=float(losses[features, name].mean()),
                gain=gain.estimate,
                gain_low=gain.low,
                gain_high=gain.high,
                parameters=parameters,
                ms=_milliseconds(work),
            )
            done += 1
            progress("lesson 4: models", done, len(FEATURES) * len(MODELS))
    return ModelsSheet(
        release=engine.release.version,
        seed=seed,
        learned=rows.later,
        judged=len(label),
        users=len(np.unique(user)),
        unknown=float((rows.inputs["ids"]["request_ids"][rows.judged :, 0] == 0).mean()),
        share=float(label.mean()),
        models=found,
    )


def fitted(name: str, features: str, rows: LogRows, seed: int) -> tuple[Float64, int, Callable[[], object]]:
    """A model's log odds of the judged rows, how many numbers it learned, and 500 candidates' worth of its work."""
    learn, later = rows.part(features, 0, rows.later), rows.part(features, rows.later, rows.judged)
    test = rows.part(features, rows.judged, None)
    request = _one_request(test)
    if name == "GBDT":
        trees = _trees(learn, later, seed)
        matrix = trees_matrix(request.sizes, request.inputs)
        score = trees.raw(trees_matrix(test.sizes, test.inputs)) * (trees.slope or 1.0)
        return score, trees.parameters, lambda: trees.raw(matrix)
    model = train_net(NETS[name], learn, later, seed=seed, recipe=MODELS_RECIPE)
    parameters = sum(weight.numel() for weight in model.parameters())
    work = partial(logits, model, request.sizes, request.inputs)
    return logits(model, test.sizes, test.inputs), parameters, work


def trees_matrix(sizes: InputSizes, inputs: Mapping[str, Array]) -> Float32:
    """The matrix that boosted trees read: numbers and categories, then the user's and the item's ids."""
    return np.concatenate(
        [gbdt_matrix(sizes, inputs), inputs["request_ids"][inputs["request_index"]], inputs["candidate_ids"]],
        axis=1,
        dtype=np.float32,
    )


def _trees(learn: InputRows, later: InputRows, seed: int) -> GBDT:
    names = ("user", "item")
    return train_trees(
        (trees_matrix(learn.sizes, learn.inputs), learn.label),
        (trees_matrix(later.sizes, later.inputs), later.label),
        columns=(*gbdt_columns(learn.sizes), *names),
        categories=names,
        seed=seed,
    )


def _one_request(test: InputRows) -> InputRows:
    """``CANDIDATES`` rows for the first row's user: what one request asks."""
    inputs = dict(test.inputs)
    chosen = np.resize(np.arange(len(test)), CANDIDATES)
    inputs["request_index"] = np.zeros(len(test), dtype=np.int64)
    return InputRows(test.sizes, gather_inputs(test.sizes, inputs, chosen), test.label[chosen])


def _milliseconds(work: Callable[[], object]) -> float:
    """Of the processor, the median after a first call that warms up."""
    work()
    took = []
    for _ in range(TIMED):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return float(np.median(took)) * 1e3
