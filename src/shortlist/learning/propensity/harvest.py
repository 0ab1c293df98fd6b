"""Intervention harvesting: several rankers that served the same queries have swapped items without meaning to.

A (query, item) pair that one ranker shows at place r and another at r' is an experiment on the two places. With the
counts weighted by the chance that either ranker served the query,

    ĉ_r^{r,r'} = Σ over such pairs of clicks at r / w(pair, r),    n̂ likewise of the impressions

the all-pairs estimator maximises Σ_{r ≠ r'} ĉ log(p_r m_{r,r'}) + (n̂ - ĉ) log(1 - p_r m_{r,r'}), where m is symmetric:
the mean attraction of the pairs that met at r and r' (Agarwal, Zaitsev, Wang, Li, Najork & Joachims, "Estimating
position bias without intrusive interventions", WSDM 2019, section 4.2).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.learning.propensity.curve import ExaminationCurve

__all__ = ["curve_from_harvest"]


def curve_from_harvest(pair: Array, place: Array, click: Array, *, places: int) -> ExaminationCurve:
    """The all-pairs curve; no standard errors (bootstrap the queries for them).

    The weight of an impression is the share of the pair's impressions that stood at that place: the log's own estimate
    of the chance that the ranker which puts it there was drawn. Rankers must be drawn by chance, not by query.

    Args:
        pair: int ``(N,)``, the (query, item) pair of each impression.
        place: int ``(N,)``, from 0.
        click: 0 or 1 ``(N,)``.
        places: L.

    Raises:
        DataError: a place is not below L, or no pair was shown at the first place and at another.
    """
    at, clicked = np.asarray(place, dtype=np.int64), np.asarray(click, dtype=np.float64)
    if len(at) and not 0 <= at.min() <= at.max() < places:
        raise DataError(f"places lie between {at.min()} and {at.max()}", where="harvest", fix=f"0 to {places - 1}")
    clicks, shown = _met(np.asarray(pair), at, clicked, places)
    known = _reached(shown)
    if known.sum() < 2:
        raise DataError(
            "no (query, item) pair was shown at the first place and at another one",
            where="intervention harvesting",
            fix="log several rankers on the same queries, or use swap interventions",
        )
    curve = np.full(places, np.nan)
    rows = np.flatnonzero(known)
    curve[rows] = _maximise(clicks[np.ix_(rows, rows)], shown[np.ix_(rows, rows)])
    return ExaminationCurve.without_errors(curve, "intervention harvesting, all pairs")


def _met(pair: Array, place: Int64, click: Float64, places: int) -> tuple[Float64, Float64]:
    """Weighted clicks and impressions at r of the pairs that were shown at r' too, ``(L, L)`` by [r, r']."""
    _, of = np.unique(pair, return_inverse=True)
    cell = of * places + place
    n = (of.max(initial=-1) + 1) * places
    seen = np.bincount(cell, minlength=n).reshape(-1, places).astype(np.float64)
    won = np.bincount(cell, click, n).reshape(-1, places)
    total = seen.sum(axis=1, keepdims=True)
    share = seen / np.maximum(total, 1.0)
    # n̂ = impressions / share = the pair's impressions wherever it stood at all; ĉ = clicks / share
    held = seen > 0
    weighted = np.divide(won, share, out=np.zeros_like(won), where=held)
    clicks = weighted.T @ held
    shown = (held * total).T @ held
    np.fill_diagonal(clicks, 0.0)
    np.fill_diagonal(shown, 0.0)
    return clicks, shown


def _reached(shown: Float64) -> Bool:
    """Places that are tied to the first by a chain of pairs of places with data."""
    known = np.zeros(len(shown), dtype=bool)
    known[0] = True
    for _ in range(len(shown)):
        known |= (shown[known] > 0).any(axis=0)
    return known


def _maximise(clicks: Float64, shown: Float64) -> Float64:
    """``p_r / p_1`` by L-BFGS over logits; the weights are scaled to a mean of 1 so that the search is well scaled."""
    n = len(clicks)
    upper = np.triu_indices(n, 1)
    met = shown > 0
    scale = shown[met].mean()
    yes, no = clicks / scale, np.maximum(shown - clicks, 0.0) / scale

    def objective(x: Float64) -> tuple[float, Float64]:
        log_p, log_m = -np.logaddexp(0.0, -x[:n]), np.zeros((n, n))
        log_m[upper] = -np.logaddexp(0.0, -x[n:])
        log_m += log_m.T
        log_q = log_p[:, None] + log_m
        q = np.clip(np.exp(log_q), 1e-300, 1.0 - 1e-12)
        by_q = np.where(met, -(yes - no * q / (1.0 - q)), 0.0)  # d loss / d log q
        loss = -float((yes * log_q + no * np.log1p(-q))[met].sum())
        by_p = by_q.sum(axis=1) * (1.0 - np.exp(log_p))
        by_m = (by_q + by_q.T)[upper] * (1.0 - np.exp(log_m[upper]))
        return loss, np.concatenate([by_p, by_m])

    start = np.zeros(n + len(upper[0]))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 2_000, "ftol": 1e-14})
    p = 1.0 / (1.0 + np.exp(-found.x[:n]))
    curve: Float64 = p / p[0]
    return curve
