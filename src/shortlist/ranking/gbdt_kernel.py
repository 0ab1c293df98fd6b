"""The inner loops of scoring boosted trees: values become ranks once, then eight rows walk down each tree together.

All places are unsigned: with signed ones numba tests at every access whether an index is negative, and the walk takes
four times as long.
"""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int32, Int64, UInt64

__all__ = ["ABSENT", "CATEGORY", "DEFAULT_LEFT", "DEFAULT_RIGHT", "NAN_IS_ZERO", "add_up", "to_ranks"]

NAN_IS_ZERO, DEFAULT_LEFT, DEFAULT_RIGHT, CATEGORY = 0, 1, 2, 3
"""What becomes of a missing value in a column: it is 0, goes left, goes right; or the column holds categories."""

ABSENT = 65_535
"""The rank of what always goes right: a missing value whose default is right, a category that no split names."""

_ZERO = 1e-35  # LightGBM's kZeroThreshold

_0, _1, _2, _3, _4, _5, _6, _7, _8 = (np.uint64(n) for n in range(9))
_16, _31, _32, _LOW, _COLUMN = (np.uint64(n) for n in (16, 31, 32, 0xFFFF, 0x7FFF))


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def to_ranks(
    x: Array, feature: Int32, kind: Int32, zero_is_missing: Bool, thresholds: Float64, offsets: Int64, rank: Array
) -> None:
    """Rank of each value among its feature's thresholds: ``x <= t_k`` exactly where ``rank <= k``.

    Args:
        x: ``(N, F)``, float32 or float64.
        feature: int32 ``(C,)``, which feature a column reads, rising.
        kind: int32 ``(C,)``, see ``NAN_IS_ZERO`` and the others.
        zero_is_missing: bool ``(C,)``.
        thresholds: float64, of all features end to end, rising within each.
        offsets: int64 ``(F + 1,)``.
        rank: uint16 ``(N', C)``, N' ≥ N, written in place.
    """
    for c in range(len(feature)):
        f = feature[c]
        # Two columns of one feature share the search.
        again = c > 0 and feature[c - 1] == f and zero_is_missing[c - 1] == zero_is_missing[c] and kind[c] != CATEGORY
        own = thresholds[offsets[f] : offsets[f + 1]]
        for i in range(len(x)):
            value = float(x[i, f])
            if kind[c] == CATEGORY:  # LightGBM cuts off what is behind the point
                rank[i, c] = int(value) if -1.0 < value < ABSENT else ABSENT
                continue
            missing = np.isnan(value) or (zero_is_missing[c] and -_ZERO <= value <= _ZERO)
            if not missing:
                rank[i, c] = rank[i, c - 1] if again else _below(value, own)
            elif kind[c] == NAN_IS_ZERO:
                rank[i, c] = _below(0.0, own)
            else:
                rank[i, c] = 0 if kind[c] == DEFAULT_LEFT else ABSENT


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _below(value: float, thresholds: Float64) -> int:
    """How many of the rising thresholds lie below the value; without a branch that depends on the outcome."""
    low, n = _0, np.uint64(len(thresholds))
    while n > _1:
        half = n >> _1
        low += half * np.uint64(thresholds[low + half - _1] < value)
        n -= half
    return int(low) + int(n == _1 and thresholds[low] < value)


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _next(word: np.uint64, rank: Array, row: np.uint64) -> np.uint64:
    """The place in the tree that a row goes to; a word is rank | column << 16 | left << 32 | right << 48."""
    right = np.uint64(np.uint64(rank[row + ((word >> _16) & _LOW)]) > (word & _LOW))
    return (word >> (_32 + (right << _4))) & _LOW


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _next_of_sets(word: np.uint64, rank: Array, row: np.uint64, bits: Array) -> np.uint64:
    """The same where bit 31 says that the rank is the number of a set: what is in it goes left."""
    value, k = np.uint64(rank[row + ((word >> _16) & _COLUMN)]), word & _LOW
    right = value > k
    if (word >> _31) & _1:
        at = np.uint64(bits[k]) + (value >> np.uint64(5))
        right = at >= np.uint64(bits[k + _1]) or ((np.uint64(bits[at]) >> (value & np.uint64(31))) & _1) == _0
    return (word >> (_32 + (np.uint64(right) << _4))) & _LOW


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add_up(
    word: UInt64,
    first: UInt64,
    inner: UInt64,
    leaf_value: Float64,
    first_leaf: UInt64,
    bits: Array,
    rank: Array,
    columns: int,
    out: Float64,
) -> None:
    """Add each tree's leaf to each row's sum, in the trees' order: the very sums that LightGBM has.

    Args:
        word: uint64, the nodes of all trees end to end; a leaf's word leads to itself.
        first: uint64 ``(T,)``, where a tree's words begin.
        inner: uint64 ``(T,)``, its inner nodes; places from there on are leaves.
        leaf_value: float64, of all trees.
        first_leaf: uint64 ``(T,)``.
        bits: uint32, where each categorical split's set begins, then the sets, 32 categories a number; empty where no
            split is categorical.
        rank: uint16 ``(N · C,)``, N a multiple of 8.
        columns: C.
        out: float64 ``(N,)``, added to.
    """
    width, rows, sets = np.uint64(columns), np.uint64(len(out)), len(bits) > 1
    for t in range(len(first)):
        w, n, v = first[t], inner[t], first_leaf[t] - inner[t]
        for i in range(_0, rows, _8):
            a, b, c, d, e, f, g, h = _0, _0, _0, _0, _0, _0, _0, _0
            ra = i * width
            rb = ra + width
            rc = rb + width
            rd = rc + width
            re = rd + width
            rf = re + width
            rg = rf + width
            rh = rg + width
            while min(a, b, c, d, e, f, g, h) < n:
                if sets:
                    a, b = _next_of_sets(word[w + a], rank, ra, bits), _next_of_sets(word[w + b], rank, rb, bits)
                    c, d = _next_of_sets(word[w + c], rank, rc, bits), _next_of_sets(word[w + d], rank, rd, bits)
                    e, f = _next_of_sets(word[w + e], rank, re, bits), _next_of_sets(word[w + f], rank, rf, bits)
                    g, h = _next_of_sets(word[w + g], rank, rg, bits), _next_of_sets(word[w + h], rank, rh, bits)
                    continue
                for _ in range(4):  # whoever has come to a leaf stays there
                    a, b = _next(word[w + a], rank, ra), _next(word[w + b], rank, rb)
                    c, d = _next(word[w + c], rank, rc), _next(word[w + d], rank, rd)
                    e, f = _next(word[w + e], rank, re), _next(word[w + f], rank, rf)
                    g, h = _next(word[w + g], rank, rg), _next(word[w + h], rank, rh)
            out[i] += leaf_value[v + a]
            out[i + _1] += leaf_value[v + b]
            out[i + _2] += leaf_value[v + c]
            out[i + _3] += leaf_value[v + d]
            out[i + _4] += leaf_value[v + e]
            out[i + _5] += leaf_value[v + f]
            out[i + _6] += leaf_value[v + g]
            out[i + _7] += leaf_value[v + h]
