"""The sheet of the widget ``calibrator``: planted faults, and every kind fitted on ever more rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, ndtri, stdtrit

from shortlist.core.arrays import Array, Bool, Float64
from shortlist.core.randomness import generator
from shortlist.funnel.engine import Engine
from shortlist.learning.calibration.beta import BetaCalibrator
from shortlist.learning.calibration.calibrator import Calibrator
from shortlist.learning.calibration.histogram import HistogramCalibrator
from shortlist.learning.calibration.identity import IdentityCalibrator
from shortlist.learning.calibration.isotonic import IsotonicCalibrator
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.learning.calibration.temperature import TemperatureCalibrator
from shortlist.learning.progress import Progress
from shortlist.lessons.losses_and_calibration.calibrators import FAULTS, KINDS, POWERS, CalibratorsSheet, Fitted

__all__ = ["DRAWS", "FITS", "TRAFFIC", "drawn_rows", "make_calibrators", "said_of"]

DRAWS = (8, 8, 6, 4, 3)
"""Of rows, by power; the more rows, the more alike the fits."""
MIDDLE, SPREAD = -2.5, 1.5
"""Of the true log odds, normal over the traffic."""
TRAFFIC: Float64 = MIDDLE + SPREAD * ndtri((np.arange(1_000) + 0.5) / 1_000)
"""True log odds of fresh traffic: quantiles, so that no draw is added to the error."""
DRAWN = 40
"""Points of a drawn map."""

FITS: dict[str, Callable[[Array, Array], Calibrator]] = {
    "none": IdentityCalibrator.fit,
    "temperature": TemperatureCalibrator.fit,
    "platt": PlattCalibrator.fit,
    "beta": BetaCalibrator.fit,
    "isotonic": IsotonicCalibrator.fit,
    "histogram": HistogramCalibrator.fit,
}


def make_calibrators(engine: Engine, seed: int, progress: Progress) -> CalibratorsSheet:
    """Fit every kind on draws of rows, and compare its map with the truth."""
    fitted: dict[str, dict[str, tuple[Fitted, ...]]] = {}
    for n, fault in enumerate(FAULTS):
        progress("lesson 5: calibrators", n, len(FAULTS))
        by_power = [_fitted(fault, place, seed) for place in range(len(POWERS))]
        fitted[fault] = {kind: tuple(each[kind] for each in by_power) for kind in KINDS}
    progress("lesson 5: calibrators", len(FAULTS), len(FAULTS))
    along = _along()
    return CalibratorsSheet(
        release=engine.release.version,
        seed=seed,
        base=float(expit(TRAFFIC).mean()),
        draws=DRAWS,
        said={fault: tuple(said_of(along, fault).tolist()) for fault in FAULTS},
        true={fault: tuple(expit(along).tolist()) for fault in FAULTS},
        fitted=fitted,
    )


def said_of(logit: Float64, fault: str) -> Float64:
    """What a model says that has a fault, where the true log odds are ``logit``; its order is always right.

    Args:
        logit: ``(N,)``.
        fault: a key of ``FAULTS``.
    """
    kink = MIDDLE + SPREAD
    said = {
        "sharp": 2.0 * logit,
        "thinned": logit + np.log(10.0),
        "top": np.where(logit < kink, logit, kink + 3.0 * (logit - kink)),
        "none": logit,
    }[fault]
    return np.asarray(expit(said), dtype=np.float64)


def drawn_rows(fault: str, rows: int, seed: int, draw: int) -> tuple[Float64, Bool]:
    """What the model said of so many rows, and what happened."""
    random = generator(np.random.SeedSequence([seed, draw]).generate_state(1).item())
    logit = MIDDLE + SPREAD * random.standard_normal(rows)
    return said_of(logit, fault), random.random(rows) < expit(logit)


def _fitted(fault: str, place: int, seed: int) -> dict[str, Fitted]:
    """Every kind on one number of rows; all kinds see the same draws."""
    true, along = expit(TRAFFIC), said_of(_along(), fault)
    traffic = said_of(TRAFFIC, fault)
    found: dict[str, list[tuple[float, int]]] = {kind: [] for kind in KINDS}
    curve: dict[str, Float64] = {}
    for draw in range(DRAWS[place]):
        rows = drawn_rows(fault, 2 ** POWERS[place], seed, draw)
        for kind, fit in FITS.items():
            calibrator = fit(*rows)
            made = calibrator.calibrate(traffic)
            found[kind].append((float(np.sqrt(np.mean((made - true) ** 2))), len(np.unique(made))))
            if draw == 0:
                curve[kind] = calibrator.calibrate(along)
    out = {}
    for kind, draws in found.items():
        error = np.array([each for each, _ in draws])
        half = stdtrit(len(error) - 1, 0.975) * error.std(ddof=1) / np.sqrt(len(error))  # Student's: the draws are few
        values = int(np.median([number for _, number in draws]))
        out[kind] = Fitted(
            error=float(error.mean()),
            low=max(0.0, float(error.mean() - half)),
            high=float(error.mean() + half),
            values=values,
            curve=tuple(curve[kind].round(6).tolist()),
        )
    return out


def _along() -> Float64:
    """True log odds along which maps are drawn: all but the outer half percent on either side."""
    low, high = MIDDLE + SPREAD * ndtri(np.array([0.005, 0.995]))
    return np.linspace(low, high, DRAWN)
