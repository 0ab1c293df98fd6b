"""The passes over candidates that every request pays for several times, compiled."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Bool, Float32, Float64, Int32, Int64, UInt64

__all__ = ["kept_rows", "number_pairs", "numbered", "owners", "ranks", "taken", "write_source"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def ranks(offsets: Int64) -> Int32:
    """0, 1, 2 … within each list, int32 ``(offsets[-1],)``."""
    rank = np.empty(offsets[-1], np.int32)
    for r in range(len(offsets) - 1):
        for at in range(offsets[r], offsets[r + 1]):
            rank[at] = at - offsets[r]
    return rank


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def numbered(offsets: Int64) -> tuple[Int64, UInt64, Int32]:
    """What a source's rows begin with: keys 0, 1, 2 …, masks of the first source, and ranks within each list."""
    n = offsets[-1]
    key, mask, rank = np.empty(n, np.int64), np.empty(n, np.uint64), np.empty((n, 1), np.int32)
    for r in range(len(offsets) - 1):
        for at in range(offsets[r], offsets[r + 1]):
            key[at], mask[at], rank[at, 0] = at, 1, at - offsets[r]
    return key, mask, rank


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def owners(offsets: Int64) -> Int64:
    """0, 0, 1 …: the list that each value belongs to, int64 ``(offsets[-1],)``."""
    owner = np.empty(offsets[-1], np.int64)
    for r in range(len(offsets) - 1):
        owner[offsets[r] : offsets[r + 1]] = r
    return owner


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def number_pairs(request: Int64, item: Int64) -> tuple[Int64, Int64]:
    """Number the distinct pairs of a request and an item in the order in which they first stand, by a hash table.

    Returns:
        int64 ``(N,)``, the number of each pair, and where each number first stands.
    """
    size = 16
    while size < 2 * len(item):
        size *= 2
    table = np.full(size, -1, np.int64)  # places into ``first``
    number, first = np.empty(len(item), np.int64), np.empty(len(item), np.int64)
    n = 0
    for at in range(len(item)):
        mixed = np.uint64(item[at]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(request[at])
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        slot = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(size - 1))
        while True:
            held = table[slot]
            if held < 0:
                table[slot] = n
                first[n] = at
                number[at] = n
                n += 1
                break
            if item[first[held]] == item[at] and request[first[held]] == request[at]:
                number[at] = held
                break
            slot = (slot + 1) & (size - 1)
    return number, first[:n]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_source(
    row: Int64,
    source_rank: Int32,
    source_score: Float32,
    column: int,
    bit: int,
    weight: float,
    constant: float,
    mask: UInt64,
    rank: Int32,
    score: Float32,
    fused: Float64,
) -> None:
    """Write what one source says into the merged rows.

    Args:
        row: int64 ``(n,)``, the merged row of each of the source's.
        source_rank: int32 ``(n, S)``, read at ``column``.
        source_score: float32 ``(n, S)``, read at ``column``.
        column: the source's place among those of its own batch.
        bit: its place among the merged ones.
        weight: of its rank.
        constant: k of reciprocal rank fusion.
        mask: uint64 ``(N,)``, gets the bit.
        rank: int32 ``(N, merged S)``.
        score: float32 ``(N, merged S)``.
        fused: float64 ``(N,)``, gets ``weight / (k + rank from 1)`` more.
    """
    for n in range(len(row)):
        at = row[n]
        mask[at] |= np.uint64(1) << np.uint64(bit)
        rank[at, bit] = source_rank[n, column]
        score[at, bit] = source_score[n, column]
        fused[at] += weight / (constant + 1.0 + source_rank[n, column])


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def kept_rows(kept: Bool, offsets: Int64) -> tuple[Int64, Int64]:
    """Places where ``kept`` (bool ``(N,)``) holds, and where each request's begin: int64 ``(R + 1,)``."""
    rows, ends = np.empty(len(kept), np.int64), np.zeros(len(offsets), np.int64)
    n = 0
    for r in range(len(offsets) - 1):
        for at in range(offsets[r], offsets[r + 1]):
            if kept[at]:
                rows[n] = at
                n += 1
        ends[r + 1] = n
    return rows[:n], ends


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def taken(rows: Int64, item: Int64, mask: UInt64, rank: Int32, score: Float32) -> tuple[Int64, UInt64, Int32, Float32]:
    """Items, masks, ranks and scores of chosen rows, in their order."""
    n, sources = len(rows), rank.shape[1]
    items, masks = np.empty(n, np.int64), np.empty(n, np.uint64)
    ranks, scores = np.empty((n, sources), np.int32), np.empty((n, sources), np.float32)
    for to in range(n):
        at = rows[to]
        items[to], masks[to] = item[at], mask[at]
        for s in range(sources):
            ranks[to, s], scores[to, s] = rank[at, s], score[at, s]
    return items, masks, ranks, scores
