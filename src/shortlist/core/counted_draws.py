"""Uniform numbers by their count: draw number n of a seed is the same whoever asks for it, and in whatever order.

SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) of ``seed + n golden``. So a page is drawn again from the key in its log,
and two drivers of one world can be handed the very same chances, one page at a time or millions at once.
"""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Array, Float64

__all__ = ["counted_uniform", "counted_uniforms", "first_uniforms"]

_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_30, _27, _31, _11 = (np.uint64(n) for n in (30, 27, 31, 11))


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def counted_uniform(seed: np.uint64, number: np.uint64) -> float:
    """One number in [0, 1), for kernels."""
    z = seed + (number + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return float((z ^ (z >> _31)) >> _11) * 2.0**-53


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def first_uniforms(seed: np.uint64, n: int) -> Float64:
    """Numbers 0 to n - 1 of a seed, float64 ``(n,)``, at the cost of one call."""
    out = np.empty(n)
    for number in range(n):
        out[number] = counted_uniform(seed, np.uint64(number))
    return out


def counted_uniforms(seed: int, number: Array) -> Float64:
    """Many, float64 of ``number``'s shape.

    Example:
        >>> u = counted_uniforms(7, np.arange(3))
        >>> bool((u[1:] == counted_uniforms(7, np.array([1, 2]))).all()), bool((u < 1).all())
        (True, True)
    """
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.asarray(number).astype(np.uint64) + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> _30)) * _FIRST
        z = (z ^ (z >> _27)) * _SECOND
    return np.asarray(((z ^ (z >> _31)) >> _11).astype(np.float64) * 2.0**-53, dtype=np.float64)
