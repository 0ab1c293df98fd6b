"""The closed form for thinned negatives."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = ["undo_downsampling"]


def undo_downsampling(probability: Array, rate: float) -> Float64:
    """The probability before negatives were thinned, ``p = r q / (r q + 1 - q)``.

    Keeping each negative with chance r, independently of its features, multiplies the odds by 1/r and changes nothing
    else (Elkan, "The foundations of cost-sensitive learning", IJCAI 2001, theorem 2; He et al., ADKDD 2014, section
    6.3).

    Args:
        probability: q, what a model says that learned from the thinned rows; in [0, 1].
        rate: r in (0, 1].

    Example:
        >>> undo_downsampling(np.array([0.5]), 0.1).round(4).tolist()  # even odds become 1 to 10
        [0.0909]
    """
    if not 0.0 < rate <= 1.0:
        raise DataError(f"a sampling rate of {rate:g}", where="rate", fix="give a number above 0 and at most 1")
    q = np.asarray(probability, dtype=np.float64)
    return rate * q / (rate * q + 1.0 - q)
