"""What every calibrator does, and what their fits share."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = [
    "LEAST",
    "Calibrator",
    "FittedCalibrator",
    "StoredCalibrator",
    "checked_rows",
    "inside",
    "logistic_fit",
    "logit",
    "sigmoid",
]

LEAST = 1e-6
"""Probabilities are kept at least this far from 0 and 1: no finite sample shows that a thing cannot happen."""


class Calibrator(Protocol):
    """A monotone map of probabilities, fitted on rows that the model has not seen.

    A kind's ``fit`` returns a frozen map: one that is not fitted does not exist.
    """

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities in (0, 1), of ``probability``'s shape."""
        ...

    def save(self, path: Path) -> None:
        """Write as JSON."""
        ...


class StoredCalibrator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A calibrator whose fields are all there is to it."""

    def save(self, path: Path) -> None:
        """Write as JSON, with the name of its kind."""
        path.write_bytes(msgspec.json.encode(self))


class FittedCalibrator(StoredCalibrator, frozen=True, forbid_unknown_fields=True):
    """A calibrator that learns its fields from rows and labels."""

    @classmethod
    def fit(cls, probability: Array, label: Array, *, weight: Array | None = None) -> Self:
        """The map of this kind that suits the rows best; see the class for what that means.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.

        Raises:
            DataError: the labels are all alike, or a probability is not a number.
        """
        return cls._fitted(*checked_rows(probability, label, weight))

    @classmethod
    def _fitted(cls, p: Float64, y: Float64, w: Float64) -> Self:
        raise NotImplementedError(f"{cls.__name__} does not say how it is fitted")


def checked_rows(probability: Array, label: Array, weight: Array | None) -> tuple[Float64, Float64, Float64]:
    """Probabilities inside of (0, 1), labels and weights, float64 ``(N,)``.

    Raises:
        DataError: the labels are all alike, or a probability is not a number.
    """
    p = np.asarray(probability, dtype=np.float64)
    y = np.asarray(label, dtype=np.float64)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    if np.isnan(p).any():
        raise DataError("a probability is NaN", where="calibration rows", fix="look for what the model was given")
    if not len(y) or y.min() == y.max():
        raise DataError("all labels are alike", where="calibration rows", fix="calibrate on rows of both kinds")
    return inside(p), y, w


def logistic_fit(x: Float64, y: Float64, w: Float64, start: Float64, *, offset: Float64 | float = 0.0) -> Float64:
    """Maximum likelihood of ``P(y = 1) = sigmoid(offset + x theta)`` by damped Newton steps.

    Args:
        x: ``(N, d)``.
        y: ``(N,)`` in [0, 1].
        w: ``(N,)``, not negative.
        start: ``(d,)``.
        offset: ``(N,)`` log odds that are added.

    Returns:
        theta, ``(d,)``.
    """
    theta = start.copy()
    for _ in range(100):
        q = sigmoid(offset + x @ theta)
        gradient = x.T @ (w * (q - y))
        hessian = (x * (w * q * (1.0 - q))[:, None]).T @ x + 1e-9 * np.eye(len(theta))
        step = np.linalg.solve(hessian, gradient)
        step /= max(1.0, float(np.abs(step).max(initial=0.0)))
        theta -= step
        if float(np.abs(step).max(initial=0.0)) < 1e-10:
            break
    return theta


def inside(p: Array) -> Float64:
    """Probabilities kept inside of (0, 1)."""
    return np.clip(np.asarray(p, dtype=np.float64), LEAST, 1.0 - LEAST)


def logit(p: Float64) -> Float64:
    """Log odds."""
    return np.log(p) - np.log1p(-p)


def sigmoid(x: Float64) -> Float64:
    """Probabilities of log odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0)))
