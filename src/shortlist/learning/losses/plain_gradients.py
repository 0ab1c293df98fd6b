"""Gradients of the two losses that LambdaRank is laid beside, in NumPy over one list; they need no torch.

``lambda_gradient.py`` is their third. All three are of the mean loss by each score; below 0 pushes an item up.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from shortlist.core.arrays import Array, Float64

__all__ = ["cross_entropy_gradient", "pairwise_logistic_gradient"]


def cross_entropy_gradient(score: Array, label: Array) -> Float64:
    """Of ``binary_cross_entropy_loss``: ``(sigmoid(s_i) - y_i) / n``, whatever the others' scores are.

    Args:
        score: ``(n,)``, log odds.
        label: ``(n,)`` in [0, 1].

    Example:
        >>> cross_entropy_gradient(np.array([0.0, 0.0]), np.array([0, 1])).tolist()
        [0.25, -0.25]
    """
    s, y = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    return np.asarray((expit(s) - y) / max(len(s), 1), dtype=np.float64)


def pairwise_logistic_gradient(score: Array, label: Array) -> Float64:
    """Of ``pairwise_logistic_loss`` (RankNet; BPR where labels are clicks): each pair that counts pulls alike.

        pairs g_i = sum over more relevant j of sigmoid(s_i - s_j) - sum over less relevant j of sigmoid(s_j - s_i)

    Args:
        score: ``(n,)``.
        label: ``(n,)``; only their order counts. Where all are alike the gradient is 0.

    Example:
        >>> pairwise_logistic_gradient(np.array([0.0, 0.0]), np.array([0, 1])).tolist()
        [0.5, -0.5]
    """
    s, y = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    more = y[:, None] > y[None, :]
    force = np.where(more, expit(np.subtract.outer(s, s).T), 0.0)
    return np.asarray((force.sum(axis=0) - force.sum(axis=1)) / max(int(more.sum()), 1), dtype=np.float64)
