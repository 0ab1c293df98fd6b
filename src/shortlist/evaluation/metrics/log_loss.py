"""Logarithmic loss of probabilities, in nats."""

from __future__ import annotations

import numpy as np
from scipy.special import xlog1py, xlogy

from shortlist.core.arrays import Array

__all__ = ["log_loss"]


def log_loss(probability: Array, label: Array, *, weight: Array | None = None) -> float:
    """``-mean(y log p + (1 - y) log(1 - p))``: lowest in expectation for the true probabilities.

    Nothing is clipped: a row that was called impossible and happened makes the loss infinite.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
        weight: ``(N,)``, not negative; without it every row counts the same.

    Example:
        >>> round(log_loss(np.array([0.5, 0.5]), np.array([0, 1])), 6)
        0.693147
    """
    p = np.asarray(probability, dtype=np.float64)
    y = np.asarray(label, dtype=np.float64)
    loss = -(xlogy(y, p) + xlog1py(1.0 - y, -p))
    return float(np.average(loss, weights=weight))
