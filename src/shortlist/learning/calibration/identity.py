"""No calibration."""

from __future__ import annotations

from shortlist.core.arrays import Array, Float64
from shortlist.learning.calibration.calibrator import StoredCalibrator, checked_rows, inside

__all__ = ["IdentityCalibrator"]


class IdentityCalibrator(StoredCalibrator, frozen=True, tag="identity", forbid_unknown_fields=True):
    """The model's own probability: for a model that comes true as it is.

    Example:
        >>> import numpy as np
        >>> IdentityCalibrator().calibrate(np.array([0.25, 1.0])).tolist()
        [0.25, 0.999999]
    """

    @classmethod
    def fit(cls, probability: Array, label: Array, *, weight: Array | None = None) -> IdentityCalibrator:
        """There is nothing to fit; rows that could not tell whether the probabilities come true are refused.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.

        Raises:
            DataError: the labels are all alike.
        """
        checked_rows(probability, label, weight)
        return cls()

    def calibrate(self, probability: Array) -> Float64:
        """The probabilities, kept inside of (0, 1)."""
        return inside(probability)
