"""Small trainings that differ in the model alone: the package's own loop and trees, stopped by the same later rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shortlist.core.arrays import Array, Float32, Float64
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.learning.one_thread import one_thread
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_fit import GBDTRecipe, fit_gbdt
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes
from shortlist.training.feed import log_odds, scale_of

__all__ = ["RECIPE", "TREES", "MakeModel", "Net", "logits", "train_net", "train_trees"]

RECIPE = ClassifierRecipe(epochs=10, patience=2, batch=512, chunk=512, learning_rate=1e-2, embedding_rate=0.2)
"""Ten times the usual rates and small batches: a few hundred steps end where thousands at the usual rates do."""
TREES = GBDTRecipe(trees=200, patience=15, learning_rate=0.1)

MakeModel = Callable[..., nn.Module]
"""From an ``InputLayer`` and ``bias=`` to a model."""


@dataclass(frozen=True, slots=True)
class Net:
    """A kind of net, and the width of its embeddings."""

    make: MakeModel
    width: int = 8


def train_net(
    net: Net, learn: InputRows, later: InputRows, *, seed: int, recipe: ClassifierRecipe = RECIPE
) -> nn.Module:
    """A model of some rows, with the weights of the pass that later rows like best."""
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        inputs = InputLayer(
            learn.sizes,
            _scale(learn.inputs.get("request_dense")),
            _scale(learn.inputs.get("candidate_dense")),
            width=net.width,
        )
        model = net.make(inputs, bias=log_odds(learn.label > 0))
        fit_classifier(model, learn, validation=later, recipe=recipe, seed=seed)
    return model


def logits(model: nn.Module, sizes: InputSizes, inputs: Mapping[str, Array]) -> Float64:
    """Of every row, ``(N,)``."""
    with torch.no_grad(), one_thread():
        scores: Float64 = model(*(torch.from_numpy(inputs[name]) for name in sizes.names)).numpy().astype(np.float64)
    return scores


def train_trees(
    learn: tuple[Float32, Float32],
    later: tuple[Float32, Float32],
    *,
    columns: Sequence[str],
    categories: Sequence[str] = (),
    seed: int,
    recipe: GBDTRecipe = TREES,
) -> GBDT:
    """Boosted trees of some rows, as many as later rows like best; rows are matrices ``(N, F)`` with labels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.txt"
        fit_gbdt(*learn, features=columns, categories=categories, validation=later, recipe=recipe, seed=seed, path=path)
        return GBDT.load(path)


def _scale(x: Float32 | None) -> Float32:
    return np.zeros((2, 0), dtype=np.float32) if x is None else scale_of(x)
