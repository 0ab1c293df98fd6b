"""``ExaminationCurve``: examination of each place relative to the first, with what is known of its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError

__all__ = ["ExaminationCurve", "inverse_propensity_weights"]


@dataclass(frozen=True, slots=True, eq=False)
class ExaminationCurve:
    """An estimate of ``γ_r / γ_1``.

    Attributes:
        examination: float64 ``(L,)``, 1 at the first place; NaN where the log says nothing of a place.
        standard_error: float64 ``(L,)``; 0 at the first place, NaN where it is not estimated.
        method: in words, for reports.
    """

    examination: Float64
    standard_error: Float64
    method: str

    @classmethod
    def without_errors(cls, examination: Float64, method: str) -> ExaminationCurve:
        """A curve of a method that does not know its own error."""
        return cls(examination, np.where(np.arange(len(examination)) == 0, 0.0, np.nan), method)


def inverse_propensity_weights(
    place: Int64, examination: Float64, *, clip: float = 20.0, normalise: Array | None = None
) -> Float64:
    """``w = min(γ_1 / γ_place, clip)`` of each clicked row, float64 ``(N,)``: the weight of a click in a ranking loss.

    The mean of ``w · click`` is what would have been clicked, had everything been examined as the first place is
    (Joachims, Swaminathan & Schnabel, WSDM 2017). A clip trades that lack of bias for a bounded variance. With
    ``normalise`` the weights of each list are divided by their mean (self-normalised), so that a list with one click
    far down does not count more than another.

    Args:
        place: from 0.
        examination: of an ``ExaminationCurve``.
        clip: the largest weight.
        normalise: int ``(N,)``, the list of each row; None for plain weights.

    Raises:
        DataError: a place is beyond the curve or has no estimate, or the clip is below 1.

    Example:
        >>> inverse_propensity_weights(np.array([0, 1, 2]), np.array([1.0, 0.5, 0.01]), clip=10.0).tolist()
        [1.0, 2.0, 10.0]
    """
    if clip < 1.0:
        raise DataError(f"the clip is {clip}", where="inverse propensity weights", fix="give one of at least 1")
    at = np.asarray(place, dtype=np.int64)
    if len(at) and (at.min() < 0 or at.max() >= len(examination) or not np.isfinite(examination[at]).all()):
        raise DataError(
            "a row stands at a place whose examination is not known",
            where="inverse propensity weights",
            fix=f"keep to places 0 to {len(examination) - 1} that the curve has an estimate for",
        )
    weight: Float64 = np.minimum(examination[0] / np.maximum(examination[at], 1e-12), clip)
    if normalise is None:
        return weight
    _, of = np.unique(np.asarray(normalise), return_inverse=True)
    mean = np.bincount(of, weight) / np.bincount(of)
    return np.asarray(weight / mean[of], dtype=np.float64)
