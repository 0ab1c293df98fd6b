"""Beta calibration: Platt's map with a slope for each end."""

from __future__ import annotations

from typing import Self

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.learning.calibration.calibrator import FittedCalibrator, inside, logistic_fit, sigmoid

__all__ = ["BetaCalibrator"]


class BetaCalibrator(FittedCalibrator, frozen=True, tag="beta", forbid_unknown_fields=True):
    """``sigmoid(a log p - b log(1 - p) + c)`` (Kull, Silva Filho & Flach, AISTATS 2017, eq. 4).

    a = b is Platt's map. Where things are rare, log(1 - p) hardly moves and a is the slope that counts.

    Attributes:
        a: slope near 0; never below 0.
        b: slope near 1; never below 0.
        c: in log odds.
    """

    a: float
    b: float
    c: float

    @classmethod
    def _fitted(cls, p: Float64, y: Float64, w: Float64) -> Self:
        """Maximum likelihood under ``a, b >= 0``: the best of the fits with a, b, both or none at 0."""
        x = np.stack([np.log(p), -np.log1p(-p), np.ones(len(p))], axis=1)
        best, best_loss = np.zeros(3), np.inf
        for free in ([2], [0, 2], [1, 2], [0, 1, 2]):
            theta = np.zeros(3)
            theta[free] = logistic_fit(x[:, free], y, w, np.array([1.0, 1.0, 0.0])[free])
            z = x @ theta
            loss = float(w @ (np.logaddexp(0.0, z) - y * z))
            if (theta[:2] >= 0.0).all() and loss < best_loss:
                best, best_loss = theta, loss
        return cls(*best.tolist())

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        p = inside(probability)
        return inside(sigmoid(self.a * np.log(p) - self.b * np.log1p(-p) + self.c))
