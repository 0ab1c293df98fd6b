"""Isotonic regression: any map that does not fall."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.learning.calibration.calibrator import LEAST, StoredCalibrator, checked_rows

__all__ = ["IsotonicCalibrator"]


class IsotonicCalibrator(StoredCalibrator, frozen=True, tag="isotonic", forbid_unknown_fields=True):
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
    def fit(cls, probability: Array, label: Array, *, weight: Array | None = None) -> IsotonicCalibrator:
        """Least squares under the constraint that the values never fall.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.

        Raises:
            DataError: the labels are all alike.
        """
        from sklearn.isotonic import IsotonicRegression  # a second of imports that serving does not need

        p, y, w = checked_rows(probability, label, weight)
        fitted = IsotonicRegression(y_min=LEAST, y_max=1.0 - LEAST, out_of_bounds="clip").fit(p, y, sample_weight=w)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        return np.interp(np.asarray(probability, dtype=np.float64), self.knots, self.values)
