"""Training of boosted trees by LightGBM; nothing that serves may import it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32
from shortlist.core.errors import DataError
from shortlist.learning.learning_curve import LearningCurve

__all__ = ["GBDTRecipe", "fit_gbdt"]


class GBDTRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the trees are grown (names and meanings are LightGBM's).

    Attributes:
        trees: at most.
        patience: trees without a better validation loss after which it stops.
        leaves: of a tree.
        learning_rate: what a tree's values are multiplied with.
        min_rows: of a leaf.
        l2: penalty on the values of leaves.
        feature_share: of the features that a tree may use.
        row_share: of the rows that a tree is grown on; below 1 they are drawn anew for each.
        threads: of LightGBM; the trees do not depend on it.
    """

    trees: int = 500
    patience: int = 30
    leaves: int = 31
    learning_rate: float = 0.05
    min_rows: int = 40
    l2: float = 1.0
    feature_share: float = 0.8
    row_share: float = 1.0
    threads: int = 1


def fit_gbdt(
    x: Float32,
    label: Array,
    *,
    features: Sequence[str],
    categories: Sequence[str] = (),
    weight: Array | None = None,
    validation: tuple[Float32, Array],
    recipe: GBDTRecipe,
    seed: int,
    path: Path,
) -> LearningCurve:
    """Minimise the weighted log-loss; keep the trees up to the best one on ``validation``; write LightGBM's text.

    Args:
        x: ``(N, F)``; NaN is missing.
        label: ``(N,)``, 0 or 1.
        features: names, one a column.
        categories: names of the columns that hold category numbers.
        weight: ``(N,)``; None counts all alike.
        validation: inputs and labels of rows that lie later in time.
        recipe: sizes and rates.
        seed: of the draws of features.
        path: of the model, for ``GBDT.load``.

    Returns:
        The losses after each tree.

    Raises:
        DataError: all labels are the same, on either side.
    """
    import lightgbm

    for what, values in (("training", label), ("validation", validation[1])):
        if len(np.unique(values)) < 2:
            raise DataError(f"the {what} rows have one label only", where="label", fix="bring rows of both kinds")
    settings = {
        "objective": "binary",
        "num_leaves": recipe.leaves,
        "learning_rate": recipe.learning_rate,
        "min_data_in_leaf": recipe.min_rows,
        "lambda_l2": recipe.l2,
        "feature_fraction": recipe.feature_share,
        "bagging_fraction": recipe.row_share,
        "bagging_freq": int(recipe.row_share < 1.0),
        "num_threads": recipe.threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    names, sets = list(features), [features.index(name) for name in categories]
    rows = lightgbm.Dataset(x, label, weight=weight, feature_name=names, categorical_feature=sets, params=settings)
    later = lightgbm.Dataset(validation[0], validation[1], reference=rows)
    seen: dict[str, dict[str, list[float]]] = {}
    booster = lightgbm.train(
        settings,
        rows,
        recipe.trees,
        valid_sets=[rows, later],
        valid_names=["training", "validation"],
        callbacks=[lightgbm.early_stopping(recipe.patience, verbose=False), lightgbm.record_evaluation(seen)],
    )
    booster.save_model(path, num_iteration=booster.best_iteration)
    training, stopping = (tuple(map(float, seen[rows]["binary_logloss"])) for rows in ("training", "validation"))
    return LearningCurve(training, stopping)
