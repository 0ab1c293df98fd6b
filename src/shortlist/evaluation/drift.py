"""Is what is predicted still what happens? An alarm over time windows that keeps its false-alarm rate for ever.

A betting test (an e-process; Ramdas, Grünwald, Vovk & Shafer, Statistical Science 38, 2023). Against "the odds are off
by no more than a tolerance" it bets that they are off by more: for a shift d beyond the tolerance t, the likelihood
ratio

    L = product over rows of  P(y | logit p + d) / P(y | logit p + t)

is a supermartingale, with mean 1 at most, whatever the true shift up to t is (and likewise downwards). A mixture over
shifts, both ways, and over the window at which drift began is one too. By Ville's inequality the wealth ever reaches
1 / a with chance a at most: one may look after each window, for as long as one likes, with no further correction.
What it needs is that each row's chance given the rows before is as predicted, up to the tolerance.
"""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = ["DriftReport", "DriftWindow", "watch_drift"]

_SHIFTS = (0.1, 0.2, 0.4, 0.8)
"""How far beyond the tolerance, in log odds, the bets go: odds off by 10% up to a factor of 2.2."""

_MOST = 1e300
"""What wealth is written as beyond it: JSON has no infinity."""


class DriftWindow(msgspec.Struct, frozen=True):
    """One window of time.

    Attributes:
        window: its number, for example of the day.
        n: rows.
        predicted: their mean probability.
        observed: the share that happened.
        wealth: of the bets up to its end; 1 is what one began with.
        alarm: whether the wealth has reached 1 / false_alarm by now.
    """

    window: int
    n: int
    predicted: float
    observed: float
    wealth: float
    alarm: bool


class DriftReport(msgspec.Struct, frozen=True):
    """All windows, in order.

    Attributes:
        windows: those that have rows.
        tolerance: in log odds.
        false_alarm: the chance that a model within the tolerance is ever accused.
    """

    windows: tuple[DriftWindow, ...]
    tolerance: float
    false_alarm: float

    @property
    def first_alarm(self) -> int | None:
        """The window that raised it; None where none did."""
        return next((w.window for w in self.windows if w.alarm), None)


def watch_drift(
    probability: Array, label: Array, window: Array, *, tolerance: float = 0.05, false_alarm: float = 0.01
) -> DriftReport:
    """Go through the windows in order.

    A bet begins afresh in each window k with ``1 / (k (k + 1))`` of the first wealth, so that months of having come
    true do not hide a drift that begins late.

    Args:
        probability: ``(N,)`` in (0, 1), what was predicted when it was served.
        label: ``(N,)``, 0 or 1.
        window: int ``(N,)``, for example the day.
        tolerance: log odds by which predictions may be off without an alarm; 0.05 is 5% of the odds.
        false_alarm: a.

    Raises:
        DataError: there are no rows, a probability is not inside of (0, 1), or a setting is out of range.
    """
    p, y, at = np.asarray(probability, dtype=np.float64), np.asarray(label, dtype=np.float64), np.asarray(window)
    if not len(p) or not ((p > 0.0) & (p < 1.0)).all():
        raise DataError("drift needs probabilities between 0 and 1", where="watch_drift", fix="give served rows")
    if not 0.0 < false_alarm < 1.0 or not tolerance >= 0.0:
        raise DataError(
            f"tolerance {tolerance}, false alarms {false_alarm}", where="watch_drift", fix="give t >= 0, 0 < a < 1"
        )
    z = np.log(p) - np.log1p(-p)
    gain = np.concatenate([_gains(z, y, way, tolerance) for way in (1.0, -1.0)])
    windows, log_bets, alarm = [], np.empty((0, len(gain))), False
    for begun, number in enumerate(np.unique(at), start=1):
        rows = at == number
        log_bets = np.vstack([log_bets, np.zeros(len(gain))]) + gain[:, rows].sum(axis=1)
        k = np.arange(1, begun + 1)
        with np.errstate(over="ignore"):
            wealth = float(np.exp(log_bets).mean(axis=1) @ (1.0 / (k * (k + 1)))) + 1.0 / (begun + 1)
        wealth = min(wealth, _MOST)
        alarm = alarm or wealth >= 1.0 / false_alarm
        windows.append(
            DriftWindow(int(number), int(rows.sum()), float(p[rows].mean()), float(y[rows].mean()), wealth, alarm)
        )
    return DriftReport(tuple(windows), tolerance, false_alarm)


def _gains(z: Float64, y: Float64, way: float, tolerance: float) -> Float64:
    """The log of what each bet on one direction wins with each row, ``(bets, N)``."""
    edge = _log_likelihood(z + way * tolerance, y)
    return np.stack([_log_likelihood(z + way * (tolerance + shift), y) - edge for shift in _SHIFTS])


def _log_likelihood(z: Float64, y: Float64) -> Float64:
    return np.asarray(y * z - np.logaddexp(0.0, z), dtype=np.float64)
