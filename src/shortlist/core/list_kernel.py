"""Membership in lists laid end to end, compiled: every request asks which candidates its user has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from shortlist.core.arrays import Bool, Int64

__all__ = ["lists_hold"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def lists_hold(values: Int64, offsets: Int64, segment: Int64, wanted: Int64) -> Bool:
    """Whether list ``segment[n]``, ``values[offsets[s]:offsets[s + 1]]``, holds ``wanted[n]``."""
    ordered = values.copy()
    for s in range(len(offsets) - 1):
        ordered[offsets[s] : offsets[s + 1]].sort()
    held = np.zeros(len(wanted), np.bool_)
    for n in range(len(wanted)):
        low, end = offsets[segment[n]], offsets[segment[n] + 1]
        high = end
        while low < high:
            middle = (low + high) // 2
            if ordered[middle] < wanted[n]:
                low = middle + 1
            else:
                high = middle
        held[n] = low < end and ordered[low] == wanted[n]
    return held
