"""Calibration: from a model's probabilities to ones that come true, and the closed form for sampled negatives."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError, ReleaseError

__all__ = [
    "Calibrator",
    "IdentityCalibrator",
    "IsotonicCalibrator",
    "PlattCalibrator",
    "load_calibrator",
    "undo_downsampling",
]

_LEAST = 1e-6
"""Probabilities are kept at least this far from 0 and 1: no finite sample shows that a thing cannot happen."""


class Calibrator(Protocol):
    """A monotone map of probabilities, fitted on rows that the model has not seen."""

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities in (0, 1), of ``probability``'s shape."""
        ...

    def save(self, path: Path) -> None:
        """Write as JSON."""
        ...


class IdentityCalibrator(msgspec.Struct, frozen=True, tag="identity", forbid_unknown_fields=True):
    """The model's own probability: for a model that comes true as it is.

    Example:
        >>> IdentityCalibrator().calibrate(np.array([0.25, 1.0])).tolist()
        [0.25, 0.999999]
    """

    @classmethod
    def fit(cls, probability: Array, label: Array, *, weight: Array | None = None) -> IdentityCalibrator:
        """There is nothing to fit; rows that could not tell whether the probabilities come true are refused.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.

        Raises:
            DataError: the labels are all alike.
        """
        _checked(probability, label, weight)
        return cls()

    def calibrate(self, probability: Array) -> Float64:
        """The probabilities, kept inside of (0, 1)."""
        return np.clip(np.asarray(probability, dtype=np.float64), _LEAST, 1.0 - _LEAST)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(msgspec.json.encode(self))


class PlattCalibrator(msgspec.Struct, frozen=True, tag="platt", forbid_unknown_fields=True):
    """``sigmoid(slope · logit(p) + intercept)`` (Platt, 1999, over log odds as in Kull et al., AISTATS 2017, eq. 1).

    Attributes:
        slope: below 1 where the model is over-confident; never below 0.
        intercept: in log odds.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> p = rng.uniform(0.05, 0.95, 50_000)
        >>> happened = rng.random(50_000) < p
        >>> distorted = 1 / (1 + np.exp(-(2 * np.log(p / (1 - p)) + 1)))  # twice too steep, and shifted
        >>> fitted = PlattCalibrator.fit(distorted, happened)
        >>> round(fitted.slope, 1), round(fitted.intercept, 1)
        (0.5, -0.5)
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, probability: Array, label: Array, *, weight: Array | None = None) -> PlattCalibrator:
        """Maximum likelihood by Newton's method.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.

        Raises:
            DataError: the labels are all alike.
        """
        p, y, w = _checked(probability, label, weight)
        x = np.stack([_logit(p), np.ones(len(p))], axis=1)
        theta = np.array([1.0, 0.0])
        for _ in range(100):
            q = _sigmoid(x @ theta)
            gradient = x.T @ (w * (q - y))
            hessian = (x * (w * q * (1.0 - q))[:, None]).T @ x + 1e-9 * np.eye(2)
            step = np.linalg.solve(hessian, gradient)
            step /= max(1.0, float(np.abs(step).max()))
            theta -= step
            if float(np.abs(step).max()) < 1e-10:
                break
        if theta[0] < 0.0:  # the best map that keeps the order is then a constant
            rate = float(np.average(y, weights=w))
            theta = np.array([0.0, float(_logit(np.array([rate]))[0])])
        return cls(float(theta[0]), float(theta[1]))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        p = np.clip(np.asarray(probability, dtype=np.float64), _LEAST, 1.0 - _LEAST)
        return np.clip(_sigmoid(self.slope * _logit(p) + self.intercept), _LEAST, 1.0 - _LEAST)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(msgspec.json.encode(self))


class IsotonicCalibrator(msgspec.Struct, frozen=True, tag="isotonic", forbid_unknown_fields=True):
    """The monotone step function nearest to the labels in squares, joined by straight lines between its knots.

    Pool adjacent violators (Zadrozny & Elkan, KDD 2002), by scikit-learn. The ends stay flat, so that a probability
    outside of what was seen gets the nearest one that was.

    Attributes:
        knots: rising model probabilities.
        values: the calibrated probability at each knot.
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def fit(cls, probability: Array, label: Array, *, weight: Array | None = None) -> IsotonicCalibrator:
        """Least squares under the constraint that the values never fall.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.

        Raises:
            DataError: the labels are all alike.
        """
        from sklearn.isotonic import IsotonicRegression  # a second of imports that serving does not need

        p, y, w = _checked(probability, label, weight)
        fitted = IsotonicRegression(y_min=_LEAST, y_max=1.0 - _LEAST, out_of_bounds="clip").fit(p, y, sample_weight=w)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        return np.interp(np.asarray(probability, dtype=np.float64), self.knots, self.values)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(msgspec.json.encode(self))


_Kinds: TypeAlias = IdentityCalibrator | PlattCalibrator | IsotonicCalibrator


def load_calibrator(path: Path) -> Calibrator:
    """Read what any kind's ``save`` wrote.

    Raises:
        ReleaseError: the file is missing, or its knots and values are not what a calibrator has.
    """
    try:
        found: _Kinds = msgspec.json.decode(path.read_bytes(), type=_Kinds)
    except (OSError, msgspec.MsgspecError) as error:
        raise ReleaseError(
            f"the calibrator cannot be read: {error}", where=str(path), fix="train a new release"
        ) from None
    if isinstance(found, IsotonicCalibrator) and not (
        0 < len(found.knots) == len(found.values)
        and (np.diff(found.knots) > 0).all()
        and (np.diff(found.values) >= 0).all()
    ):
        raise ReleaseError("the calibrator's knots do not rise", where=str(path), fix="train a new release")
    return found


def undo_downsampling(probability: Array, rate: float) -> Float64:
    """The probability before negatives were thinned, ``p = r q / (r q + 1 - q)``.

    Keeping each negative with chance r, independently of its features, multiplies the odds by 1/r and changes nothing
    else (Elkan, "The foundations of cost-sensitive learning", IJCAI 2001, theorem 2; He et al., ADKDD 2014, section
    6.3).

    Args:
        probability: q, what a model says that learned from the thinned rows; in [0, 1].
        rate: r in (0, 1].

    Example:
        >>> undo_downsampling(np.array([0.5]), 0.1).round(4).tolist()  # even odds become 1 to 10
        [0.0909]
    """
    if not 0.0 < rate <= 1.0:
        raise DataError(f"a sampling rate of {rate:g}", where="rate", fix="give a number above 0 and at most 1")
    q = np.asarray(probability, dtype=np.float64)
    return rate * q / (rate * q + 1.0 - q)


def _checked(probability: Array, label: Array, weight: Array | None) -> tuple[Float64, Float64, Float64]:
    p = np.clip(np.asarray(probability, dtype=np.float64), _LEAST, 1.0 - _LEAST)
    y = np.asarray(label, dtype=np.float64)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(y) or y.min() == y.max():
        raise DataError("all labels are alike", where="calibration rows", fix="calibrate on rows of both kinds")
    return p, y, w


def _logit(p: Float64) -> Float64:
    return np.log(p) - np.log1p(-p)


def _sigmoid(x: Float64) -> Float64:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0)))
