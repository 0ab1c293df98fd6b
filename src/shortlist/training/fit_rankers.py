"""Each ranker by its name, trained on named inputs, written, and read back as what serves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shortlist.core.arrays import Float32
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.learning.fit_classifier import log_loss as row_loss
from shortlist.learning.learning_curve import LearningCurve
from shortlist.learning.losses.tasks import TaskLogLoss
from shortlist.ranking.blend import Member, load_member
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.din_model import DIN
from shortlist.ranking.dlrm_model import DLRM
from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.factorization_machine_model import FactorizationMachine
from shortlist.ranking.final_mlp_model import FinalMLP
from shortlist.ranking.gbdt_fit import GBDTRecipe, fit_gbdt
from shortlist.ranking.gbdt_inputs import gbdt_columns, gbdt_matrix
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.logistic_regression_model import LogisticRegression
from shortlist.ranking.masknet_model import MaskNet
from shortlist.ranking.mmoe_model import MMoE
from shortlist.ranking.ple_model import PLE
from shortlist.ranking.shared_bottom_model import SharedBottom
from shortlist.training.feed import scale_of

__all__ = ["NEURAL", "FittedRanker", "NeuralKind", "fit_neural", "fit_trees"]


@dataclass(frozen=True, slots=True)
class NeuralKind:
    """A neural ranker.

    Attributes:
        make: of an input layer and ``bias``.
        width: of its embeddings.
        tasks: what it learns at once; one task has no name.
    """

    make: Callable[..., nn.Module]
    width: int = 8
    tasks: tuple[str, ...] = ()


_TASKS = ("like", "meet")

NEURAL: dict[str, NeuralKind] = {
    "LR": NeuralKind(LogisticRegression, width=1),
    "FM": NeuralKind(FactorizationMachine, width=9),  # the first number is the weight
    "DLRM": NeuralKind(DLRM),
    "DCN-v2, rank 16": NeuralKind(DCNv2),
    "DCN-v2, full rank": NeuralKind(lambda inputs, bias: DCNv2(inputs, rank=None, bias=bias)),
    "MaskNet": NeuralKind(MaskNet),
    "FinalMLP": NeuralKind(FinalMLP),
    "DIN": NeuralKind(DIN),
    "shared bottom": NeuralKind(SharedBottom, tasks=_TASKS),
    "MMoE": NeuralKind(MMoE, tasks=_TASKS),
    "PLE": NeuralKind(PLE, tasks=_TASKS),
}


@dataclass(frozen=True, slots=True, eq=False)
class FittedRanker:
    """A trained ranker.

    Attributes:
        member: what serves it, read back from its file.
        curve: its losses, pass by pass or tree by tree.
        seconds: that the training took, validation included.
        parameters: numbers that were learned; of trees see ``GBDT.parameters``.
    """

    member: Member
    curve: LearningCurve
    seconds: float
    parameters: int


def fit_neural(
    kind: NeuralKind, rows: InputRows, *, later: InputRows, recipe: ClassifierRecipe, seed: int, path: Path
) -> FittedRanker:
    """Train until ``later`` likes it no better, and write ONNX.

    Args:
        kind: which; one of ``NEURAL``.
        rows: to learn from; ``(N, T)`` labels of a kind of several tasks.
        later: rows that lie later in time.
        recipe: sizes and rates.
        seed: of the first weights and of all that is drawn.
        path: of the ".onnx" file.
    """
    inputs = rows.inputs
    none = np.zeros((1, 0), dtype=np.float32)
    of_rows = inputs["request_dense"][inputs["request_index"]] if rows.sizes.request_dense else none
    scales = scale_of(of_rows), scale_of(inputs["candidate_dense"] if rows.sizes.candidate_dense else none)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind.make(InputLayer(rows.sizes, *scales, width=kind.width), bias=_log_odds(rows))
    began = time.perf_counter()
    fitted = fit_classifier(
        model,
        rows,
        validation=later,
        recipe=recipe,
        seed=seed,
        loss=TaskLogLoss((1.0,) * len(kind.tasks)) if kind.tasks else row_loss,
    )
    seconds = time.perf_counter() - began
    export_onnx(model, rows.sizes, path, tasks=kind.tasks)
    parameters = sum(weight.numel() for weight in model.parameters())
    return FittedRanker(load_member(path, rows.sizes), fitted.curve, seconds, parameters)


def fit_trees(rows: InputRows, *, later: InputRows, recipe: GBDTRecipe, seed: int, path: Path) -> FittedRanker:
    """Grow trees until ``later`` likes them no better, and write LightGBM's text.

    Args:
        rows: to learn from.
        later: rows that lie later in time.
        recipe: sizes and rates.
        seed: of all that is drawn.
        path: of the ".txt" file.
    """
    began = time.perf_counter()
    curve = fit_gbdt(
        gbdt_matrix(rows.sizes, rows.inputs),
        rows.label,
        features=gbdt_columns(rows.sizes),
        weight=rows.weight,
        validation=(gbdt_matrix(later.sizes, later.inputs), later.label),
        recipe=recipe,
        seed=seed,
        path=path,
    )
    seconds = time.perf_counter() - began
    return FittedRanker(load_member(path, rows.sizes), curve, seconds, 0)


def _log_odds(rows: InputRows) -> float | tuple[float, ...]:
    """Of the share of positives, of each task where there are several."""
    share: Float32 = np.average(rows.label, axis=0, weights=rows.weight)
    odds = np.log(share / (1.0 - share))
    return float(odds) if rows.label.ndim == 1 else tuple(odds.tolist())
