"""The passes over scored pairs that every request pays for, compiled."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Float32, Int32, Int64

__all__ = ["added_rows", "best_pairs", "not_zero"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def best_pairs(
    request: Int64, row: Int64, value: Float32, key: Int64, held: Int64, held_starts: Int64, limit: int
) -> tuple[Int64, Int64, Float32]:
    """The keys and values of each request's best pairs, by a heap of ``limit`` whose root is the worst of them.

    Pairs that come best first, as an index finds them, are only read.

    Args:
        request: int64 ``(N,)``, rising: whose each pair is.
        row: int64 ``(N,)``; row 0 is left out.
        value: float32 ``(N,)``; what is not finite is left out.
        key: int64 ``(V + 1,)`` of each row; of equal values the smaller key is better.
        held: rows to leave out, list after list.
        held_starts: int64 ``(R + 1,)``, where each request's list begins.
        limit: pairs a request at most.

    Returns:
        int64 ``(R + 1,)``, where each request's pairs begin, and their keys and values, best first.
    """
    n_requests = len(held_starts) - 1
    offsets = np.zeros(n_requests + 1, np.int64)
    best = np.empty(min(n_requests * limit, len(row)), np.int64)
    left_out = np.zeros(len(key), np.int32)
    n, end = 0, 0
    for r in range(n_requests):
        for j in held[held_starts[r] : held_starts[r + 1]]:
            left_out[j] = r + 1
        mine, size = best[n:], 0
        place = end
        while end < len(request) and request[end] == r:
            end += 1
        while place < end:  # as long as they come best first
            if _may_be_taken(place, r, row, value, left_out):
                if size and not _better(mine[size - 1], place, row, value, key):
                    break
                if size < limit:
                    mine[size] = place
                    size += 1
            place += 1
        if place < end:
            size = _best_of_rest(mine, size, place, end, r, limit, row, value, key, left_out)
        n += size
        offsets[r + 1] = n
    keys, values = np.empty(n, np.int64), np.empty(n, np.float32)
    for place in range(n):
        keys[place], values[place] = key[row[best[place]]], value[best[place]]
    return offsets, keys, values


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def not_zero(vectors: Float32) -> Int64:
    """The rows of ``(R, d)`` in which any number is not 0, int64."""
    rows, n = np.empty(len(vectors), np.int64), 0
    for r in range(len(vectors)):
        for number in vectors[r]:
            if number != 0.0:
                rows[n] = r
                n += 1
                break
    return rows[:n]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def added_rows(
    history: Int64, starts: Int64, offsets: Int64, column: Int64, value: Float32
) -> tuple[Int64, Int64, Float32]:
    """Sums of rows of a sparse matrix: for each request over the distinct rows of its history.

    Args:
        history: rows, list after list.
        starts: int64 ``(R + 1,)``, where each request's list begins.
        offsets: of the matrix in compressed rows, ``(V + 2,)``.
        column: of its values.
        value: float32, its values.

    Returns:
        The request, the column and the sum of every pair that any row of the request's history has.
    """
    n_rows = len(offsets) - 1
    total, met, used = np.zeros(n_rows, np.float32), np.zeros(n_rows, np.int32), np.zeros(n_rows, np.int32)
    room = 0
    for j in history:
        room += offsets[j + 1] - offsets[j]
    request, found = np.empty(room, np.int64), np.empty(room, np.int64)
    score = np.empty(room, np.float32)
    n = 0
    for r in range(len(starts) - 1):
        first = n
        for j in history[starts[r] : starts[r + 1]]:
            if used[j] == r + 1:
                continue
            used[j] = r + 1
            for at in range(offsets[j], offsets[j + 1]):
                c = column[at]
                if met[c] != r + 1:
                    met[c], total[c] = r + 1, np.float32(0.0)
                    request[n], found[n] = r, c
                    n += 1
                total[c] += value[at]
        for place in range(first, n):
            score[place] = total[found[place]]
    return request[:n], found[:n], score[:n]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _best_of_rest(
    mine: Int64,
    size: int,
    first: int,
    end: int,
    r: int,
    limit: int,
    row: Int64,
    value: Float32,
    key: Int64,
    left_out: Int32,
) -> int:
    """Take what is better among the places from ``first`` on into ``mine``, best first; how many it holds then."""
    heap = np.empty(limit, np.int64)
    heap[:size] = mine[:size][::-1]  # worst first is a heap
    for place in range(first, end):
        if _may_be_taken(place, r, row, value, left_out):
            size = _offer(heap, size, limit, place, row, value, key)
    for last in range(size - 1, -1, -1):  # the worst goes last
        mine[last] = heap[0]
        heap[0] = heap[last]
        _sink(heap, last, row, value, key)
    return size


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _better(a: int, b: int, row: Int64, value: Float32, key: Int64) -> bool:
    return bool(value[a] > value[b] or (value[a] == value[b] and key[row[a]] < key[row[b]]))


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _may_be_taken(place: int, r: int, row: Int64, value: Float32, left_out: Int32) -> bool:
    return bool(row[place] != 0 and left_out[row[place]] != r + 1 and np.isfinite(value[place]))


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _offer(heap: Int64, size: int, limit: int, place: int, row: Int64, value: Float32, key: Int64) -> int:
    """The heap's size after it was offered a place."""
    if size < limit:
        heap[size] = place
        _rise(heap, size, row, value, key)
        return size + 1
    if limit and _better(place, heap[0], row, value, key):
        heap[0] = place
        _sink(heap, size, row, value, key)
    return size


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _rise(heap: Int64, at: int, row: Int64, value: Float32, key: Int64) -> None:
    while at > 0 and _better(heap[(at - 1) // 2], heap[at], row, value, key):
        above = (at - 1) // 2
        heap[at], heap[above] = heap[above], heap[at]
        at = above


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _sink(heap: Int64, size: int, row: Int64, value: Float32, key: Int64) -> None:
    at = 0
    while 2 * at + 1 < size:
        worse = 2 * at + 1
        if worse + 1 < size and _better(heap[worse], heap[worse + 1], row, value, key):
            worse += 1
        if not _better(heap[at], heap[worse], row, value, key):
            return
        heap[at], heap[worse] = heap[worse], heap[at]
        at = worse
