"""Qini: how much of an effect one gets by treating those first whom a score puts first.

On rows in which a coin decided who was treated, of the share phi with the highest scores

    gain(phi) = phi (mean outcome of its treated - mean outcome of its others)

so that gain(1) is the average effect. AUUC is the area under the curve, the Qini coefficient the area between the curve
and the straight line to its end, which is what a score gains that knows nothing (Radcliffe, 2007; Gutierrez & Gérardy,
PAPIs 2016). It cannot be read as a share of the best possible, for nobody's own effect is ever seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = ["UpliftCurve", "auuc", "qini", "uplift_curve"]


class UpliftCurve(NamedTuple):
    """Points of the curve, from (0, 0) to (1, average effect); rows of one score are passed in one step.

    Attributes:
        share: phi, float64 ``(P,)``, rising.
        gain: float64 ``(P,)``, in outcomes a row.
    """

    share: Float64
    gain: Float64


def uplift_curve(score: Array, treated: Array, outcome: Array) -> UpliftCurve:
    """The curve.

    Args:
        score: ``(N,)``, high is to be treated first.
        treated: bool ``(N,)``, by a coin.
        outcome: ``(N,)``.

    Raises:
        DataError: the numbers of rows differ, or an arm is empty.

    Example:
        >>> uplift_curve([2, 2, 1, 1], [True, False, True, False], [1, 0, 0, 0]).gain.tolist()
        [0.0, 0.5, 0.5]
    """
    value, arm, y = np.asarray(score), np.asarray(treated, dtype=bool), np.asarray(outcome, dtype=np.float64)
    if value.ndim != 1 or arm.shape != value.shape or y.shape != value.shape or arm.all() or not arm.any():
        raise DataError(
            f"{value.shape} scores, {int(arm.sum())} treated of {arm.size}",
            where="uplift curve",
            fix="give one number a row, with rows that were treated and rows that were not",
        )
    order = np.argsort(-value, kind="stable")
    arm, y = arm[order], y[order]
    ends = np.flatnonzero(np.append(np.diff(value[order]) != 0, True))
    n1, n0 = np.cumsum(arm)[ends], np.cumsum(~arm)[ends]
    y1, y0 = np.cumsum(y * arm)[ends], np.cumsum(y * ~arm)[ends]
    both = (n1 > 0) & (n0 > 0)
    effect = np.where(both, y1 / np.maximum(n1, 1) - y0 / np.maximum(n0, 1), 0.0)
    share = (ends + 1) / len(value)
    return UpliftCurve(np.append(0.0, share), np.append(0.0, share * effect))


def auuc(score: Array, treated: Array, outcome: Array) -> float:
    """The area under the curve, in outcomes a row; arguments as for ``uplift_curve``."""
    curve = uplift_curve(score, treated, outcome)
    return float(np.trapezoid(curve.gain, curve.share))


def qini(score: Array, treated: Array, outcome: Array) -> float:
    """The area between the curve and the line to its end; 0 in expectation for a score that knows nothing.

    Example:
        >>> qini([2, 2, 1, 1], [True, False, True, False], [1, 0, 0, 0])
        0.125
    """
    curve = uplift_curve(score, treated, outcome)
    return float(np.trapezoid(curve.gain, curve.share) - 0.5 * curve.gain[-1])
