"""From catalogue keys to rows, compiled: a request asks for its history, what it has seen and its candidates."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Int64

__all__ = ["distinct_lists", "find_rows", "known_lists"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def find_rows(keys: Int64, row: Int64, wanted: Int64) -> Int64:
    """``row[n]`` where ``keys[n]`` is what is wanted, 0 where it is not among them.

    Args:
        keys: int64 ``(V,)``, rising.
        row: int64 ``(V,)`` of each key.
        wanted: int64 ``(N,)``; those below 0 have no row.
    """
    found = np.zeros(len(wanted), np.int64)
    for n in range(len(wanted)):
        if wanted[n] < 0:
            continue
        low, high = 0, len(keys)
        while low < high:
            middle = (low + high) // 2
            if keys[middle] < wanted[n]:
                low = middle + 1
            else:
                high = middle
        if low < len(keys) and keys[low] == wanted[n]:
            found[n] = row[low]
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def known_lists(rows: Int64, offsets: Int64, last: int) -> tuple[Int64, Int64]:
    """The last so many of each list, of these those that are not 0: values and offsets."""
    kept, ends = np.empty(len(rows), np.int64), np.zeros(len(offsets), np.int64)
    n = 0
    for r in range(len(offsets) - 1):
        for at in range(max(offsets[r], offsets[r + 1] - last), offsets[r + 1]):
            if rows[at] != 0:
                kept[n] = rows[at]
                n += 1
        ends[r + 1] = n
    return kept[:n], ends


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def distinct_lists(values: Int64, offsets: Int64) -> tuple[Int64, Int64]:
    """Each list's values once, rising: values and offsets."""
    kept, ends = np.empty(len(values), np.int64), np.zeros(len(offsets), np.int64)
    n = 0
    for r in range(len(offsets) - 1):
        part = values[offsets[r] : offsets[r + 1]].copy()
        part.sort()
        for at in range(len(part)):
            if at == 0 or part[at] != part[at - 1]:
                kept[n] = part[at]
                n += 1
        ends[r + 1] = n
    return kept[:n], ends
