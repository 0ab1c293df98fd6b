"""Logarithmic loss of probabilities, in nats."""

from __future__ import annotations

import numpy as np
from scipy.special import xlog1py, xlogy

from shortlist.core.arrays import Array, Float64

__all__ = ["log_loss", "log_losses"]


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
    return float(np.average(log_losses(probability, label), weights=weight))


def log_losses(probability: Array, label: Array) -> Float64:
    """``-(y log p + (1 - y) log(1 - p))`` of each row, float64 ``(N,)``, for paired intervals.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
    """
    p = np.asarray(probability, dtype=np.float64)
    y = np.asarray(label, dtype=np.float64)
    return np.asarray(-(xlogy(y, p) + xlog1py(1.0 - y, -p)), dtype=np.float64)
