"""``ListBatch``: shown lists with their clicks and the features of what was shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64
from shortlist.core.errors import DataError

__all__ = ["ListBatch"]


@dataclass(frozen=True, slots=True, eq=False)
class ListBatch:
    """``S`` lists of at most ``L`` places, filled from the top.

    Attributes:
        features: float64 ``(S, L, D)``; anything where nothing was shown.
        click: bool ``(S, L)``.
        held: bool ``(S, L)``, where something was shown.
    """

    features: Float64
    click: Bool
    held: Bool

    @classmethod
    def of(cls, features: Array, click: Array, held: Array | None = None) -> ListBatch:
        """Check and keep; all places hold something where ``held`` is not given.

        Raises:
            DataError: shapes do not fit, a feature is not finite, a click is on nothing, or nothing was clicked.
        """
        x, clicked = np.asarray(features, dtype=np.float64), np.asarray(click).astype(bool)
        there = np.ones(clicked.shape, dtype=bool) if held is None else np.asarray(held).astype(bool)
        where = "lists with clicks"
        if x.ndim != 3 or x.shape[:2] != clicked.shape or clicked.shape != there.shape:
            raise DataError(
                f"features {x.shape}, click {clicked.shape}, held {there.shape}",
                where=where,
                fix="give (S, L, D), (S, L) and (S, L)",
            )
        if not np.isfinite(x[there]).all():
            raise DataError("a feature is not finite", where=where, fix="impute it, or leave the column out")
        if (clicked & ~there).any() or not clicked.any():
            raise DataError(
                "there is a click on nothing, or none at all", where=where, fix="give clicks on what was shown"
            )
        return cls(x, clicked, there)

    @property
    def places(self) -> int:
        """``L``."""
        return int(self.click.shape[1])
