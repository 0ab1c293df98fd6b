"""Importance weights: how much likelier the target policy was than the log's to show what was shown.

They differ in what the reward of a place is taken to depend on, and the less it may depend on, the smaller they are:

    list_weights      the whole list                             Horvitz & Thompson, JASA 47, 1952
    cascade_weights   what stands at r and above                 McInerney et al., KDD 2020
    place_weights     what stands at r alone (position-based)    Li et al., KDD 2018

All are ``(N, L)``, a column a place; a single slot is a list of one, for which the three are one.
"""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import DataError

__all__ = ["cascade_weights", "list_weights", "place_weights"]


def list_weights(target: Float64, logged: Float64) -> Float64:
    """``product over the places of target / logged``, the same at every place.

    Args:
        target: P(what stands at r | slots above) under the target policy, ``(N, L)``.
        logged: the same under the policy that served, above 0: the log's ``selection_propensity``.

    Raises:
        DataError: a logged propensity is not in (0, 1], or a target one not in [0, 1].
    """
    ratio = _ratio(target, logged)
    return np.repeat(np.prod(ratio, axis=1, keepdims=True), ratio.shape[1], axis=1)


def cascade_weights(target: Float64, logged: Float64) -> Float64:
    """``product over the places down to r of target / logged``; arguments as for ``list_weights``.

    Example:
        >>> cascade_weights(np.array([[0.5, 0.2]]), np.array([[0.25, 0.4]])).tolist()
        [[2.0, 1.0]]
    """
    return np.asarray(np.cumprod(_ratio(target, logged), axis=1), dtype=np.float64)


def place_weights(target: Float64, logged: Float64, context: Int64, shown: Int64) -> Float64:
    """``P(item at place r) under the target / under the log's policy``, the slots above summed over.

    Args:
        target: ``(G, L, n)``, of ``ListPolicy.item_at_place``.
        logged: ``(G, L, n)``, of the policy that served.
        context: ``(N,)``.
        shown: ``(N, L)``, the candidate at each place.

    Raises:
        DataError: the log shows what its policy had no chance for.
    """
    table = np.divide(target, logged, out=np.full(target.shape, np.nan), where=logged > 0.0)
    weight: Float64 = table[context[:, None], np.arange(shown.shape[1]), shown]
    if not np.isfinite(weight).all():
        raise _no_chance()
    return weight


def _ratio(target: Float64, logged: Float64) -> Float64:
    above = 1.0 + 1e-9
    if not ((logged > 0.0) & (logged <= above)).all() or not ((target >= 0.0) & (target <= above)).all():
        raise _no_chance()
    return np.asarray(target / logged, dtype=np.float64)


def _no_chance() -> DataError:
    return DataError(
        "a propensity is not a chance, or the log's is 0 for what it showed",
        where="importance weights",
        fix="log the chance with which each shown item was drawn",
    )
