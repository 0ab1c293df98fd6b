"""Which calibrator a model needs, if any: chosen on users that the calibrator was not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.core.randomness import Rng
from shortlist.evaluation.bootstrap import paired_interval
from shortlist.evaluation.metrics.log_loss import log_losses
from shortlist.learning.calibration.calibrator import Calibrator
from shortlist.learning.calibration.identity import IdentityCalibrator
from shortlist.learning.calibration.isotonic import IsotonicCalibrator
from shortlist.learning.calibration.platt import PlattCalibrator

__all__ = ["ChosenCalibrator", "choose_calibrator"]

_FOLDS = 5
_LEAST_POSITIVES = 200
"""With fewer, a step function follows noise; it is not tried."""

_Fit = Callable[[Float64, Bool], Calibrator]


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCalibrator:
    """A calibrator and what it was chosen among.

    Attributes:
        kind: "identity", "platt" or "isotonic".
        calibrator: fitted on all rows.
        losses: mean log-loss of every kind on users that it was not fitted on.
    """

    kind: str
    calibrator: Calibrator
    losses: Mapping[str, float]


def choose_calibrator(probability: Float64, label: Bool, user: Int64, *, rng: Rng) -> ChosenCalibrator:
    """The simplest map that no other beats beyond chance, in the log-loss of users it was not fitted on.

    The kinds are tried from the simplest: none at all, Platt's two numbers, isotonic. Each must beat the one that
    stands: the 95 % interval by user of the difference, over five folds of users, lies below 0. A map that does not is
    noise of its own.

    Args:
        probability: ``(N,)``, the model's.
        label: bool ``(N,)``.
        user: int64 ``(N,)``; a user's rows fall into one fold.
        rng: of the intervals.

    Raises:
        DataError: the labels are all alike.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> p, user = draw.uniform(0.01, 0.3, 20_000), np.arange(20_000) // 20
        >>> happened = draw.random(20_000) < p
        >>> choose_calibrator(p, happened, user, rng=0).kind, choose_calibrator(p / 2, happened, user, rng=0).kind
        ('identity', 'platt')
    """
    whole = IdentityCalibrator.fit(probability, label)
    fits: dict[str, _Fit] = {"platt": PlattCalibrator.fit}
    if label.sum() >= _LEAST_POSITIVES:
        fits["isotonic"] = IsotonicCalibrator.fit
    _, number = np.unique(user, return_inverse=True)
    fold = number.reshape(-1) % _FOLDS
    kind, calibrator = "identity", whole
    found = {kind: log_losses(whole.calibrate(probability), label)}
    if any(label[fold != f].all() or not label[fold != f].any() for f in range(_FOLDS)):
        return ChosenCalibrator(kind, calibrator, _means(found))  # too few positives to tell anything
    chosen: Calibrator = calibrator
    for name, fit in fits.items():
        found[name] = _held_out(fit, probability, label, fold)
        if paired_interval(found[name], found[kind], user, rng=rng).high < 0.0:
            kind, chosen = name, fit(probability, label)
    return ChosenCalibrator(kind, chosen, _means(found))


def _held_out(fit: _Fit, probability: Float64, label: Bool, fold: Int64) -> Float64:
    """The log-loss of each row under the map that was fitted on the other folds."""
    out = np.empty(len(label))
    for f in range(_FOLDS):
        inside = fold == f
        fitted = fit(probability[~inside], label[~inside])
        out[inside] = log_losses(fitted.calibrate(probability[inside]), label[inside])
    return out


def _means(losses: Mapping[str, Float64]) -> dict[str, float]:
    return {name: float(rows.mean()) for name, rows in losses.items()}
