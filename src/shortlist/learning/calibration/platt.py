"""Platt scaling: a slope and a shift of the log odds."""

from __future__ import annotations

from typing import Self

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.learning.calibration.calibrator import (
    FittedCalibrator,
    inside,
    logistic_fit,
    logit,
    sigmoid,
)

__all__ = ["PlattCalibrator"]


class PlattCalibrator(FittedCalibrator, frozen=True, tag="platt", forbid_unknown_fields=True):
    """``sigmoid(slope · logit(p) + intercept)`` (Platt, 1999, over log odds as in Kull et al., AISTATS 2017, eq. 1).

    Attributes:
        slope: below 1 where the model is over-confident; never below 0.
        intercept: in log odds.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> p = rng.uniform(0.05, 0.95, 50_000)
        >>> happened = rng.random(50_000) < p
        >>> distorted = 1 / (1 + np.exp(-(2 * np.log(p / (1 - p)) + 1)))  # twice too steep, and shifted
        >>> fitted = PlattCalibrator.fit(distorted, happened)
        >>> round(fitted.slope, 1), round(fitted.intercept, 1)
        (0.5, -0.5)
    """

    slope: float
    intercept: float

    @classmethod
    def _fitted(cls, p: Float64, y: Float64, w: Float64) -> Self:
        """Maximum likelihood by Newton's method."""
        slope, intercept = logistic_fit(np.stack([logit(p), np.ones(len(p))], axis=1), y, w, np.array([1.0, 0.0]))
        if slope < 0.0:  # the best map that keeps the order is then a constant
            slope, intercept = 0.0, logit(np.array([np.average(y, weights=w)]))[0]
        return cls(float(slope), float(intercept))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        return inside(sigmoid(self.slope * logit(inside(probability)) + self.intercept))
