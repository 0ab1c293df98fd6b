"""Ways to weigh drawn negatives: rightly, all alike, and the wrong way round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.learning.negatives.sampler import Negatives

__all__ = ["CORRECTIONS", "Correction", "corrected", "uncorrected", "wrong_sign"]


@dataclass(frozen=True, slots=True)
class Correction:
    """A way to weigh negatives.

    Attributes:
        name: on the page.
        css: of its lines.
        apply: draws, and V, to draws with other weights.
    """

    name: str
    css: str
    apply: Callable[[Negatives, int], Negatives]


def corrected(drawn: Negatives, n_items: int) -> Negatives:  # noqa: ARG001
    """Each drawn row counts 1 / E_c, as the samplers give it."""
    return drawn


def uncorrected(drawn: Negatives, n_items: int) -> Negatives:
    """All drawn rows count V / m, as if the m had been drawn uniformly: the level is right, the skew is left.

    Example:
        >>> drawn = Negatives(np.array([1, 2]), np.log([0.5, 1.5]), np.zeros(1))
        >>> np.exp(uncorrected(drawn, 4).log_expected).tolist()
        [0.5, 0.5]
        >>> np.exp(wrong_sign(drawn, 4).log_expected).round(4).tolist()
        [0.5, 0.1667]
    """
    return _skewed(drawn, n_items, 0.0)


def wrong_sign(drawn: Negatives, n_items: int) -> Negatives:
    """Log E_c is added where it should be taken off: what is drawn often counts more for it."""
    return _skewed(drawn, n_items, -1.0)


def _skewed(drawn: Negatives, n_items: int, sign: float) -> Negatives:
    """Log E_c's distance from its level log(m / V), times ``sign``; places that hold nothing stay empty."""
    level = np.log(drawn.row.shape[-1] / n_items)
    held = np.isfinite(drawn.log_expected)
    distance = np.subtract(drawn.log_expected, level, out=np.zeros_like(drawn.log_expected), where=held)
    changed: Float64 = np.where(held, level + sign * distance, drawn.log_expected)
    return Negatives(drawn.row, changed, drawn.positive_log_expected)


CORRECTIONS = {
    "corrected": Correction("log E taken off", "one", corrected),
    "uncorrected": Correction("not corrected", "two", uncorrected),
    "wrong_sign": Correction("wrong sign", "three", wrong_sign),
}
"""The three that the widgets compare."""
