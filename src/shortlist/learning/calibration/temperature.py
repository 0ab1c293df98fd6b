"""Temperature scaling: one number for a model that is too sure, or not sure enough."""

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

__all__ = ["TemperatureCalibrator", "at_temperature"]


def at_temperature(probability: Array, temperature: float) -> Float64:
    """``sigmoid(logit(p) / T)``: above 1 softer, below 1 surer; the point p = 1/2 stays.

    Example:
        >>> at_temperature(np.array([0.2, 0.5]), 0.5).round(4).tolist()  # odds of 1 to 4 become 1 to 16
        [0.0588, 0.5]
    """
    return inside(sigmoid(logit(inside(probability)) / temperature))


class TemperatureCalibrator(FittedCalibrator, frozen=True, tag="temperature", forbid_unknown_fields=True):
    """``sigmoid(logit(p) / temperature)`` (Guo et al., ICML 2017, section 4.2, for two classes).

    It cannot shift: where a thing is rare and the model's *rate* is wrong, Platt's intercept is needed.

    Attributes:
        temperature: above 1 where the model is over-confident; infinite for one that orders backwards.
    """

    inverse: float

    @property
    def temperature(self) -> float:
        """T; the file holds 1 / T, for JSON knows no infinity."""
        return 1.0 / self.inverse if self.inverse > 0.0 else np.inf

    @classmethod
    def _fitted(cls, p: Float64, y: Float64, w: Float64) -> Self:
        """Maximum likelihood by Newton's method."""
        return cls(max(0.0, float(logistic_fit(logit(p)[:, None], y, w, np.ones(1))[0])))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        return inside(sigmoid(self.inverse * logit(inside(probability))))
