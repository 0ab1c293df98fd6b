"""Transforms of real numbers before a net sees them; trees need none, for they look at the order only."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from scipy.special import ndtri

from shortlist.core.arrays import Array, Float32, Float64
from shortlist.core.errors import DataError

__all__ = ["Transform", "TransformKind", "finite_or_missing", "signed_log"]

TransformKind = Literal["none", "log", "quantile"]

_KNOTS = 257
_TAIL = 0.002
"""Ranks are kept this far from 0 and 1, so that normal scores lie within ±2.9."""


def signed_log(x: Array) -> Float64:
    """``sign(x) log(1 + |x|)``.

    Example:
        >>> signed_log(np.array([-1.0, 0.0, 1.0])).round(2).tolist()
        [-0.69, 0.0, 0.69]
    """
    value = np.asarray(x, dtype=np.float64)
    return np.sign(value) * np.log1p(np.abs(value))


def finite_or_missing(x: Array, *, where: str) -> Float64:
    """The numbers as float64, NaN for those that are missing.

    Raises:
        DataError: a number is infinite.
    """
    value = np.asarray(x, dtype=np.float64)
    if np.isinf(value).any():
        raise DataError("a number is infinite", where=where, fix="send a finite number, or none where it is not known")
    return value


class Transform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A map of numbers that was fitted on training rows. What is missing becomes 0, the middle.

    * none: the number less the training rows' median.
    * log: the same after ``signed_log``.
    * quantile: ``Phi^-1`` of the share of the training rows that lie below, linear between 257 of their quantiles; a
      number that many rows share has the middle of their ranks (the rank-based normal scores of Van der Waerden, 1952).

    A column that is missing in all training rows, or constant there, is 0 for every row by "quantile", and carries no
    more than its distance from that constant by the others.

    Attributes:
        kind: which.
        middle: what is taken off; of "none" and "log".
        value: rising knots of "quantile".
        score: their normal scores.

    Example:
        >>> by_rank = Transform.fit("quantile", np.array([1.0, 2.0, 3.0, np.nan]))
        >>> by_rank.apply(np.array([2.0, np.nan, 99.0])).round(1).tolist()
        [0.0, 0.0, 1.0]
    """

    kind: TransformKind
    middle: float = 0.0
    value: tuple[float, ...] = ()
    score: tuple[float, ...] = ()

    @classmethod
    def fit(cls, kind: TransformKind, x: Array, *, where: str = "numbers") -> Transform:
        """Fitted on the training rows' numbers, ``(N,)``; NaN is missing.

        Raises:
            DataError: a number is infinite.
        """
        value = finite_or_missing(x, where=where)
        held = np.sort(value[~np.isnan(value)])
        if not len(held):
            return cls(kind=kind)
        if kind != "quantile":
            return cls(kind=kind, middle=float(np.median(signed_log(held) if kind == "log" else held)))
        knots = np.unique(np.quantile(held, np.linspace(0.0, 1.0, _KNOTS), method="nearest"))
        below, upto = (np.searchsorted(held, knots, side=side) for side in ("left", "right"))
        score = ndtri(np.clip((below + upto) / 2.0 / len(held), _TAIL, 1.0 - _TAIL))
        return cls(kind=kind, value=tuple(knots.tolist()), score=tuple(score.tolist()))

    def apply(self, x: Array, *, where: str = "numbers") -> Float32:
        """Transformed numbers, float32 of ``x``'s shape, always finite.

        Raises:
            DataError: a number is infinite.
        """
        value = finite_or_missing(x, where=where)
        missing = np.isnan(value)
        if self.kind != "quantile":
            moved = (signed_log(value) if self.kind == "log" else value) - self.middle
            widest = float(np.finfo(np.float32).max)
            return np.clip(np.where(missing, 0.0, moved), -widest, widest).astype(np.float32)
        if len(self.value) < 2:
            return np.zeros(value.shape, dtype=np.float32)
        return np.where(missing, 0.0, np.interp(value, self.value, self.score)).astype(np.float32)
