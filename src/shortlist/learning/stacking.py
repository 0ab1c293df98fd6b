"""Stacked generalisation: how much each of several models' logits counts, fitted on rows that none has learned from."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = ["fit_stack"]


def fit_stack(logits: Array, label: Array, *, ridge: float = 100.0) -> tuple[Float64, float]:
    """Weights ``w >= 0`` of the logits, and a bias ``b``.

        minimise  sum over rows of log-loss(y, sigmoid(b + L w)) + ridge/2 · |w - 1/M|^2

    Wolpert, "Stacked generalization", Neural Networks 5, 1992; that weights should not be negative: Breiman, "Stacked
    regressions", Machine Learning 24, 1996. Members that say almost the same leave their weights undetermined; the
    ridge then makes them equal.

    Args:
        logits: ``(N, M)``.
        label: ``(N,)``, 0 or 1, of rows later than those that the members learned from.
        ridge: rows' worth of belief that the plain mean is best.

    Raises:
        DataError: the labels are all alike, or a logit is not finite.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.normal(size=20_000)
        >>> label = rng.random(20_000) < 1 / (1 + np.exp(-truth))
        >>> weights, bias = fit_stack(np.stack([truth, rng.normal(size=20_000)], axis=1), label)
        >>> weights.round(1).tolist(), abs(bias) < 0.05
        ([1.0, 0.0], True)
    """
    x, y = np.asarray(logits, dtype=np.float64), np.asarray(label, dtype=np.float64)
    if len(np.unique(y)) < 2:
        raise DataError("the labels are all alike", where="label", fix="bring later rows of both kinds")
    if not np.isfinite(x).all():
        raise DataError("a logit is not finite", where="logits", fix="look at the members' inputs")
    m = x.shape[1]

    def loss(parameter: Float64) -> tuple[float, Float64]:
        w, b = parameter[:m], parameter[m]
        z = x @ w + b
        miss = expit(z) - y
        away = w - 1.0 / m
        value = np.logaddexp(0.0, z).sum() - y @ z + 0.5 * ridge * away @ away
        return float(value), np.append(x.T @ miss + ridge * away, miss.sum())

    start = np.append(np.full(m, 1.0 / m), 0.0)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * m + [(None, None)])
    return np.asarray(found.x[:m], dtype=np.float64), float(found.x[m])
