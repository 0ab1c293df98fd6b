"""The regression that uplift learners are made of: any function from rows and targets to a prediction."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = ["BoostedRegression", "Predict", "Regression"]


class Predict(Protocol):
    """A fitted one: float64 ``(N,)`` of rows ``(N, F)``."""

    def __call__(self, x: Array) -> Float64:
        """Predict."""


class Regression(Protocol):
    """Fits the mean of a target, which may lie outside of 0 to 1."""

    def __call__(self, x: Array, target: Array) -> Predict:
        """Fit to ``(N, F)`` and ``(N,)``."""


class BoostedRegression:
    """Least squares by LightGBM's trees, small ones: an effect is a tenth of the noise around it.

    Targets that differ on too few rows to be split are refused: trees that do not split would predict the mean for
    everybody, which is an effect of exactly 0 with an interval of no width.

    Args:
        trees: how many.
        leaves: of a tree.
        min_rows: of a leaf.
        learning_rate: what a tree's values are multiplied with.
        seed: of the draws of features.
    """

    def __init__(
        self, *, trees: int = 120, leaves: int = 8, min_rows: int = 100, learning_rate: float = 0.05, seed: int = 0
    ) -> None:
        self._trees, self._min_rows = trees, min_rows
        self._settings = {
            "objective": "regression",
            "num_leaves": leaves,
            "min_data_in_leaf": min_rows,
            "learning_rate": learning_rate,
            "feature_fraction": 0.8,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "seed": seed,
        }

    def __call__(self, x: Array, target: Array) -> Predict:
        """Fit.

        Raises:
            DataError: there are no rows, numbers of rows differ, or the targets differ and a tree does not split.
        """
        import lightgbm

        if not len(x) or len(x) != len(target):
            raise DataError(f"{len(x)} rows, {len(target)} targets", where="regression", fix="give a target a row")
        rows, y = np.asarray(x, dtype=np.float64), np.asarray(target, dtype=np.float64)
        trees = lightgbm.train(self._settings, lightgbm.Dataset(rows, y), num_boost_round=self._trees)
        if np.ptp(y) > 0.0 and not any(trees.feature_importance("split")):
            raise DataError(
                f"no tree splits {len(rows):,} rows: a leaf has {self._min_rows} at least",
                where="regression",
                fix="give more rows, features that vary, or trees with smaller leaves",
            )

        def predict(x: Array) -> Float64:
            return np.asarray(trees.predict(np.asarray(x, dtype=np.float64), num_threads=1), dtype=np.float64)

        return predict
