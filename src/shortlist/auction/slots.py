"""Slot effects: how much less often a slot is clicked than the reference slot 1, all else equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import ShortlistError

__all__ = ["checked_slot_effects"]


def checked_slot_effects(effects: Array | Sequence[float]) -> Float64:
    """Slot effects as float64 ``(k,)``: ``1 = alpha_1 >= alpha_2 >= ... >= alpha_k >= 0``.

    The order is what makes sorting by score the efficient allocation (Edelman, Ostrovsky & Schwarz, AER 97, 2007).

    Raises:
        ShortlistError: they do not start with 1, or rise, or one is negative or not finite.

    Example:
        >>> checked_slot_effects([1.0, 0.6, 0.4]).tolist()
        [1.0, 0.6, 0.4]
    """
    alpha = np.asarray(effects, dtype=np.float64)
    falls = alpha.ndim == 1 and len(alpha) > 0 and alpha[0] == 1.0 and np.isfinite(alpha).all()
    if not falls or (np.diff(alpha) > 0.0).any() or alpha[-1] < 0.0:
        raise ShortlistError(
            f"{alpha.tolist()} are not slot effects",
            where="slot_effects",
            fix="start with 1 at the reference slot and never rise or go below 0",
        )
    return alpha
