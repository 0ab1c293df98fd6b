"""Isotonic regression: any map that does not fall."""

from __future__ import annotations

from typing import Self

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.learning.calibration.calibrator import LEAST, FittedCalibrator

__all__ = ["IsotonicCalibrator"]


class IsotonicCalibrator(FittedCalibrator, frozen=True, tag="isotonic", forbid_unknown_fields=True):
    """The monotone step function nearest to the labels in squares, joined by straight lines between its knots.

    Pool adjacent violators (Zadrozny & Elkan, KDD 2002), by scikit-learn. The ends stay flat, so that a probability
    outside of what was seen gets the nearest one that was.

    Attributes:
        knots: rising model probabilities.
        values: the calibrated probability at each knot.
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def _fitted(cls, p: Float64, y: Float64, w: Float64) -> Self:
        """Least squares under the constraint that the values never fall."""
        from sklearn.isotonic import IsotonicRegression  # a second of imports that serving does not need

        fitted = IsotonicRegression(y_min=LEAST, y_max=1.0 - LEAST, out_of_bounds="clip").fit(p, y, sample_weight=w)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        return np.interp(np.asarray(probability, dtype=np.float64), self.knots, self.values)
