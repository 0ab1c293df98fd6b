"""The position-based click model with a logistic attraction: how likely a click is at slot 1, apart from the slot.

    P(click | shown at slot s, features x) = alpha_s sigma(b + w . x),    alpha_1 = 1 >= alpha_2 >= ... > 0

The examination hypothesis of Richardson, Dominowska & Ragno, "Predicting Clicks", WWW 2007, section 5.1 (and Craswell
et al., WSDM 2008). The attraction is the chance of a click at the reference slot: ``p_click_1``. The two factors can be
told apart only where like ads were shown at unlike slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit, log_expit, logit

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.errors import DataError

__all__ = ["PositionClickModel", "fit_position_click", "negative_log_likelihood"]


@dataclass(frozen=True, slots=True, eq=False)
class PositionClickModel:
    """A fitted model.

    Attributes:
        intercept: b.
        weights: w, float64 ``(D,)``.
        slot_effects: alpha, float64 ``(K,)``, 1 at the reference slot, never rising.
    """

    intercept: float
    weights: Float64
    slot_effects: Float64

    def logit(self, features: Float64) -> Float64:
        """``b + w . x``, float64 ``(N,)``, of features ``(N, D)``."""
        return np.asarray(self.intercept + features @ self.weights, dtype=np.float64)

    def p_click_1(self, features: Float64) -> Float64:
        """P(click | shown at slot 1), float64 ``(N,)``, of features ``(N, D)``."""
        return np.asarray(expit(self.logit(features)), dtype=np.float64)


def fit_position_click(
    features: Float64,
    slot: Array,
    click: Array,
    *,
    slot_effects: Array | None = None,
    n_slots: int | None = None,
    ridge: float = 1.0,
    max_iterations: int = 500,
) -> PositionClickModel:
    """Maximum likelihood of attraction and slot effects together, by L-BFGS with the analytic gradient.

    The slot effects are ``alpha_s = exp(-sum over 2 <= t <= s of exp(g_t))``, which cannot rise.

    Args:
        features: float64 ``(N, D)``; bring them to like scales.
        slot: ``(N,)``, from 1.
        click: ``(N,)``, 0 or 1.
        slot_effects: known ones, ``(K,)``; only the attraction is then fitted.
        n_slots: K where the slot effects are fitted; the highest slot without it.
        ridge: penalty ``ridge / 2 |w|^2`` on the weights, not on the intercept, in units of the log-likelihood.
        max_iterations: steps of the search, at most; a model that has not converged by then is refused.

    Raises:
        DataError: lengths differ, a slot is below 1 or above K, there is no click, a slot was never shown, or the
            search stopped before it came to a minimum.

    Example:
        >>> rng = np.random.default_rng(3)
        >>> slot = rng.integers(1, 3, 20_000)
        >>> click = rng.random(20_000) < np.array([1.0, 0.5])[slot - 1] * 0.3
        >>> model = fit_position_click(np.zeros((20_000, 0)), slot, click)
        >>> model.slot_effects.round(1).tolist(), round(float(model.p_click_1(np.zeros((1, 0)))[0]), 2)
        ([1.0, 0.5], 0.3)
    """
    x = np.asarray(features, dtype=np.float64)
    clicked = np.asarray(click, dtype=bool)
    known = None if slot_effects is None else np.asarray(slot_effects, dtype=np.float64)
    k = int(n_slots or np.max(slot, initial=1)) if known is None else len(known)
    at = _checked_slots(x, slot, clicked, k, every_slot=known is None)
    free = 0 if known is not None else k - 1

    start = np.zeros(1 + x.shape[1] + free)
    start[0] = float(logit(clicked.mean()))
    start[1 + x.shape[1] :] = -1.0

    def objective(parameters: Float64) -> tuple[float, Float64]:
        return negative_log_likelihood(parameters, x, at, clicked, slot_effects=known, ridge=ridge)

    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": max_iterations, "ftol": 1e-12})
    _check_converged(found, len(x))
    fitted = np.asarray(found.x, dtype=np.float64)
    alpha = known if known is not None else np.exp(_log_effects(fitted[1 + x.shape[1] :]))
    return PositionClickModel(float(fitted[0]), fitted[1 : 1 + x.shape[1]], alpha)


def negative_log_likelihood(
    parameters: Float64,
    features: Float64,
    slot_index: Int64,
    click: Bool,
    *,
    slot_effects: Float64 | None,
    ridge: float,
) -> tuple[float, Float64]:
    """What the fit minimises, and its gradient.

    Per row, with ``p = sigma(z)``, ``a = log alpha``: ``-[y (a + log p) + (1 - y) log(1 - e^a p)]``. Then
    ``d/da = -(y - (1 - y) q / (1 - q))`` and ``d/dz = d/da (1 - p)``, with ``q = e^a p``.

    Args:
        parameters: ``b``, ``w`` and, where the slot effects are not known, ``g_2 .. g_K``.
        features: ``(N, D)``.
        slot_index: ``(N,)``, from 0.
        click: ``(N,)``.
        slot_effects: known ones or None.
        ridge: penalty on ``w``.
    """
    d = features.shape[1]
    weights, gaps = parameters[1 : 1 + d], parameters[1 + d :]
    log_effects = _log_effects(gaps) if slot_effects is None else np.log(slot_effects)
    z = parameters[0] + features @ weights
    log_p, log_effect = log_expit(z), log_effects[slot_index]
    log_q = log_p + log_effect
    q = np.exp(log_q)
    # 1 - q = (1 - p) + p (1 - alpha): no cancellation where both p and alpha are near 1.
    not_q = expit(-z) - np.exp(log_p) * np.expm1(log_effect)
    loss = -np.where(click, log_q, np.log(not_q)).sum() + 0.5 * ridge * float(weights @ weights)
    by_effect = np.where(click, -1.0, q / not_q)
    by_z = by_effect * expit(-z)
    gradient = np.empty_like(parameters)
    gradient[0] = by_z.sum()
    gradient[1 : 1 + d] = features.T @ by_z + ridge * weights
    if slot_effects is None:
        by_slot = np.bincount(slot_index, weights=by_effect, minlength=len(log_effects))
        gradient[1 + d :] = -np.exp(gaps) * np.cumsum(by_slot[::-1])[::-1][1:]
    return float(loss), gradient


def _check_converged(found: OptimizeResult, rows: int) -> None:
    """Refuse what is no minimum: a model that may price ads must be the one that the log says.

    A line search that ends at the limit of the floating-point numbers (status 2) has converged as well, if the
    gradient is next to nothing a row.
    """
    slope = float(np.abs(found.jac).max())
    if not (found.success or (found.status == 2 and slope < 1e-4 * rows)):
        raise DataError(
            f"the click model did not converge in {found.nit} steps: {found.message}",
            where="ad log",
            fix="leave out features that are constant or all but equal, or log more impressions",
        )


def _log_effects(gaps: Float64) -> Float64:
    """``log alpha`` of every slot from ``g_2 .. g_K``."""
    return -np.concatenate([[0.0], np.cumsum(np.exp(gaps))])


def _checked_slots(x: Float64, slot: Array, click: Bool, k: int, *, every_slot: bool) -> Int64:
    at = np.asarray(slot, dtype=np.int64) - 1
    if not len(x) == len(at) == len(click):
        raise DataError(
            f"{len(x)} rows of features, {len(at)} slots, {len(click)} clicks", where="ad log", fix="one of each a row"
        )
    if len(at) and not 0 <= at.min() <= at.max() < k:
        raise DataError(
            f"slots lie between {at.min() + 1} and {at.max() + 1}", where="slot", fix=f"number them 1 to {k}"
        )
    if not 0 < click.sum() < len(click):
        raise DataError(
            f"{click.sum()} of {len(click)} impressions were clicked",
            where="click",
            fix="give a log with both outcomes",
        )
    missing = np.flatnonzero(np.bincount(at, minlength=k) == 0) + 1
    if every_slot and len(missing):
        raise DataError(
            f"slots {missing.tolist()} were never shown", where="slot", fix="leave them out, or log impressions there"
        )
    return at
