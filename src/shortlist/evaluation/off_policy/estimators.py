"""The estimators: what a target policy earns, from weights, rewards and predictions.

Rewards, weights and predictions are ``(N, L)``, a column a place (``(N,)`` is a list of one); the value is a row's
sum over places. With w the weights, r the rewards, q(shown) what a model predicts for what was shown, and q(target)
its mean over what the target policy shows there:

    direct    mean of  Σ q(target)
    IPS       mean of  Σ w r
    clipped   mean of  Σ min(w, c) r
    SNIPS     Σ over places of  (Σ w r) / (Σ w)
    DR        mean of  Σ q(target) + w (r - q(shown))
    Switch    mean of  Σ q(target) + w [w <= c] (r - q(shown))

IPS: Horvitz & Thompson, JASA 47, 1952. Clipped: Ionides, JCGS 17, 2008. SNIPS: Swaminathan & Joachims, NeurIPS 2015.
DR: Dudík, Langford & Li, ICML 2011. Switch: SWITCH-DR of Wang, Agarwal & Dudík, ICML 2017. The place's own weights make
IPS the position-based estimator, cascade weights the reward-interaction one; see ``weights``.
"""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError
from shortlist.evaluation.off_policy.estimate import Estimate

__all__ = ["clipped_ips", "direct", "doubly_robust", "ips", "on_policy", "snips", "switch"]


def on_policy(reward: Array) -> Estimate:
    """What the log's own policy earned."""
    return _mean("on policy", *_lists(reward))


def direct(predicted_target: Array) -> Estimate:
    """The model's word. Its interval is that of the contexts alone: it knows nothing of the model's own error.

    Example:
        >>> direct(np.array([0.2, 0.4])).value.__round__(9)
        0.3
    """
    return _mean("direct", *_lists(predicted_target))


def ips(weight: Array, reward: Array) -> Estimate:
    """Inverse propensity scoring: right on average wherever the log's policy could show what the target shows.

    Example:
        >>> ips(np.array([2.0, 0.5]), np.array([1.0, 0.0])).value
        1.0
    """
    w, r = _lists(weight, reward)
    return _mean("IPS", w * r)


def clipped_ips(weight: Array, reward: Array, *, clip: float) -> Estimate:
    """IPS with weights cut at ``clip``: less variance, biased downwards where rewards are not negative."""
    w, r = _lists(weight, reward)
    return _mean(f"IPS, clipped at {clip:g}", np.minimum(w, _threshold(clip)) * r)


def snips(weight: Array, reward: Array) -> Estimate:
    """Self-normalised IPS: adding a constant to all rewards adds it to the value.

    Raises:
        DataError: all weights of a place are 0: the target shows nothing that the log has.

    Example:
        >>> w = np.array([2.0, 0.5])
        >>> snips(w, np.array([1.0, 0.0])).value, snips(w, np.array([2.0, 1.0])).value
        (0.8, 1.8)
    """
    w, r = _lists(weight, reward)
    mean = w.mean(axis=0)
    if (mean == 0.0).any():
        raise DataError("all weights of a place are 0", where="SNIPS", fix="abstain: there is no overlap")
    value = (w * r).mean(axis=0) / mean
    return Estimate("SNIPS", float(value.sum()), (w * (r - value)) @ (1.0 / mean))


def doubly_robust(weight: Array, reward: Array, predicted_shown: Array, predicted_target: Array) -> Estimate:
    """DR: right if the propensities are or the model is. With a model that says 0 it is IPS.

    Example:
        >>> w, r, nothing = np.array([2.0, 0.5]), np.array([1.0, 0.0]), np.zeros(2)
        >>> doubly_robust(w, r, nothing, nothing).value == ips(w, r).value
        True
    """
    w, r, shown, target = _lists(weight, reward, predicted_shown, predicted_target)
    return _mean("DR", target + w * (r - shown))


def switch(
    weight: Array, reward: Array, predicted_shown: Array, predicted_target: Array, *, threshold: float
) -> Estimate:
    """DR where the weight is at most ``threshold``, the model's word beyond it."""
    w, r, shown, target = _lists(weight, reward, predicted_shown, predicted_target)
    kept = np.where(w <= _threshold(threshold), w, 0.0)
    return _mean(f"Switch at {threshold:g}", target + kept * (r - shown))


def _mean(method: str, terms: Float64) -> Estimate:
    rows = terms @ np.ones(terms.shape[1])  # several times faster than a sum over a short axis
    value = float(rows.mean())
    return Estimate(method, value, rows - value)


def _lists(*given: Array) -> tuple[Float64, ...]:
    arrays = [np.asarray(a, dtype=np.float64) for a in given]
    arrays = [a[:, None] if a.ndim == 1 else a for a in arrays]
    if arrays[0].ndim != 2 or not len(arrays[0]) or any(a.shape != arrays[0].shape for a in arrays):
        raise DataError(
            f"shapes {[a.shape for a in arrays]}", where="off-policy estimate", fix="give (N,) or (N, L) for all, N > 0"
        )
    if not all(np.isfinite(a).all() for a in arrays):
        raise DataError("a number is not finite", where="off-policy estimate", fix="give finite weights and rewards")
    return tuple(arrays)


def _threshold(clip: float) -> float:
    if not clip > 0.0:
        raise DataError(f"a threshold of {clip}", where="off-policy estimate", fix="give one above 0")
    return clip
