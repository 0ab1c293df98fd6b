"""Normalised entropy."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array
from shortlist.core.errors import DataError
from shortlist.evaluation.metrics.log_loss import log_loss

__all__ = ["normalised_entropy"]


def normalised_entropy(probability: Array, label: Array, *, weight: Array | None = None) -> float:
    """Log-loss over that of the mean label (NE; He et al., ADKDD 2014, section 3): below 1 beats one rate for all.

    ``NE = log-loss / -(r log r + (1 - r) log(1 - r))``, with r the rows' own mean label; so it compares models of one
    window, not windows of one model.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
        weight: ``(N,)``, not negative.

    Raises:
        DataError: all labels are alike, and there is no entropy to divide by.

    Example:
        >>> normalised_entropy(np.full(4, 0.25), np.array([1, 0, 0, 0]))
        1.0
    """
    y = np.asarray(label, dtype=np.float64)
    rate = float(np.average(y, weights=weight))
    if not 0.0 < rate < 1.0:
        raise DataError("all labels are alike", where="normalised_entropy", fix="judge rows of both kinds")
    return log_loss(probability, y, weight=weight) / log_loss(np.full(len(y), rate), y, weight=weight)
