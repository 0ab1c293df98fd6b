"""Regression-EM: the position-based model whose attraction is a function of features instead of one number a pair.

    E-step   P(examined | no click) = γ (1 - a) / (1 - γ a),     P(attractive | no click) = a (1 - γ) / (1 - γ a)
    M-step   γ_r = mean of P(examined);    a = a regression of P(attractive) on the features

So that queries seen once still count (Wang, Golbandi, Bendersky, Metzler & Najork, "Position bias estimation for
unbiased learning to rank in personal search", WSDM 2018, section 4). The paper draws 0/1 labels from P(attractive) for
its gradient-boosted trees; LightGBM takes the probabilities themselves.
The steps start from the click rates by place, nearer than a flat curve where clicks are few and EM is slow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from lightgbm import Dataset, train

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError
from shortlist.learning.propensity.curve import ExaminationCurve

__all__ = ["Trees", "regression_em"]

_SETTINGS = {
    "objective": "cross_entropy",
    "num_leaves": 15,
    "learning_rate": 0.2,
    "min_data_in_leaf": 50,
    "verbose": -1,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
}

Regression = Callable[[Float64], Float64]
"""Soft labels in [0, 1] ``(N,)`` of the rows to their fitted probabilities ``(N,)``."""


def regression_em(
    features: Float64,
    place: Array,
    click: Array,
    *,
    places: int,
    steps: int = 20,
    regression: Regression | None = None,
) -> tuple[ExaminationCurve, Float64]:
    """The curve, and the attraction of each row, float64 ``(N,)``.

    Args:
        features: ``(N, D)`` of the shown (query, item) pairs; the place must not be among them.
        place: int ``(N,)``, from 0.
        click: 0 or 1 ``(N,)``.
        places: L.
        steps: of EM.
        regression: on the rows' features; small trees without it.

    Raises:
        DataError: lengths differ, or a place is not below L.
    """
    at, clicked = np.asarray(place, dtype=np.int64), np.asarray(click, dtype=bool)
    if not len(features) == len(at) == len(clicked) or (len(at) and not 0 <= at.min() <= at.max() < places):
        raise DataError(
            f"{len(features)} rows of features, {len(at)} places, {len(clicked)} clicks",
            where="regression-EM",
            fix=f"give one of each a row, places from 0 to {places - 1}",
        )
    regress = regression or Trees(features)
    shown = np.bincount(at, minlength=places)
    rate = np.bincount(at, clicked, places) / np.maximum(shown, 1)
    e = np.clip(0.9 * rate / max(rate.max(), 1e-12), 0.01, 0.9)
    a = np.full(len(at), min(float(clicked.mean() / e[at].mean()), 0.9))
    for _ in range(steps):
        both = e[at] * a
        examined = np.where(clicked, 1.0, (e[at] - both) / (1.0 - both))
        attractive = np.where(clicked, 1.0, (a - both) / (1.0 - both))
        e = np.bincount(at, examined, places) / np.maximum(shown, 1)
        a = np.clip(regress(attractive), 1e-6, 1.0 - 1e-6)
    curve = np.where(shown > 0, e / e[0], np.nan)
    return ExaminationCurve.without_errors(curve, "regression-EM"), np.minimum(a * e[0], 1.0)


class Trees:
    """Forty small trees, fitted anew to each step's labels; the features are binned once.

    Args:
        features: ``(N, D)``.
    """

    def __init__(self, features: Float64) -> None:
        self._features = features
        self._binned = Dataset(features, np.zeros(len(features)), params=_SETTINGS, free_raw_data=False)

    def __call__(self, label: Float64) -> Float64:
        """Fit, and predict the same rows."""
        booster = train(_SETTINGS, self._binned.set_label(label), num_boost_round=40)
        return np.asarray(booster.predict(self._features), dtype=np.float64)
