"""The columns of the feed's features, compiled: each function is one pass over the requests or the candidates.

What the columns are is written where the features are declared, in ``feed_features.py``.
"""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Float32, Float64, Int32, Int64

__all__ = ["mean_transitions", "write_counted", "write_found", "write_likeness", "write_requests"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_requests(
    liked_starts: Int64, seen_starts: Int64, recent: Int64, recent_starts: Int64, counted: Float32, out: Float32
) -> None:
    """Write what is said of a request alone.

    Args:
        liked_starts: int64 ``(R + 1,)``, where each request's liked items begin.
        seen_starts: likewise of all that its user has dealt with.
        recent: rows of the recent items, list after list.
        recent_starts: int64 ``(R + 1,)``.
        counted: float32 ``(V + 1, 6)``, what the log says of each item.
        out: float32 ``(R, 6)``, written.
    """
    for r in range(len(out)):
        n_liked, n_seen = liked_starts[r + 1] - liked_starts[r], seen_starts[r + 1] - seen_starts[r]
        met, rate, age = 0.0, 0.0, 0.0
        for row in recent[recent_starts[r] : recent_starts[r + 1]]:
            met += counted[row, 0]
            rate += counted[row, 3]
            age += counted[row, 4]
        n = max(recent_starts[r + 1] - recent_starts[r], 1)
        out[r, 0], out[r, 1], out[r, 2] = np.log1p(n_liked), np.log1p(n_seen), (n_liked + 1) / (n_seen + 2)
        out[r, 3], out[r, 4], out[r, 5] = met / n, rate / n, age / n


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_counted(
    retrieval_score: Float64,
    source_rank: Int32,
    places: Int64,
    row: Int64,
    counted: Float32,
    request: Float32,
    index: Int64,
    out: Float32,
) -> None:
    """Write the ten columns from ``retrieval_score`` to ``age_gap``.

    Args:
        retrieval_score: float64 ``(N,)``.
        source_rank: int32 ``(N, S)``, -1 where a source did not find the row.
        places: of the sources that are counted.
        row: int64 ``(N,)``.
        counted: float32 ``(V + 1, 6)``.
        request: float32 ``(R, 6)`` of ``write_requests``.
        index: int64 ``(N,)``, the request of each row.
        out: float32 ``(N, features)``, written.
    """
    for n in range(len(out)):
        found = 0
        for place in places:
            found += source_rank[n, place] >= 0
        out[n, 0], out[n, 1] = 100.0 * retrieval_score[n], found
        for column in range(6):
            out[n, 2 + column] = counted[row[n], column]
        out[n, 8] = counted[row[n], 0] - request[index[n], 3]
        out[n, 9] = counted[row[n], 4] - request[index[n], 5]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_likeness(
    kinds: Float32,
    vectors: Float32,
    liked: Int64,
    liked_starts: Int64,
    recent: Int64,
    recent_starts: Int64,
    row: Int64,
    starts: Int64,
    out: Float32,
) -> None:
    """Write the six columns from ``category_liked`` to ``nearest_recent``; zeros where there is nothing to be like.

    Args:
        kinds: float32 ``(V + 1, C)``, categories as vectors of length 1.
        vectors: float32 ``(V + 1, d)``, of length 1.
        liked: rows of the liked items, list after list.
        liked_starts: int64 ``(R + 1,)``.
        recent: rows of the recent items.
        recent_starts: int64 ``(R + 1,)``.
        row: int64 ``(N,)``, the candidates, request after request.
        starts: int64 ``(R + 1,)``, where each request's candidates begin.
        out: float32 ``(N, features)``, written.
    """
    for r in range(len(starts) - 1):
        likes, late = liked[liked_starts[r] : liked_starts[r + 1]], recent[recent_starts[r] : recent_starts[r + 1]]
        kind_liked, kind_late = _mean(kinds, likes), _mean(kinds, late)
        near_liked, near_late = _mean(vectors, likes), _mean(vectors, late)
        for n in range(starts[r], starts[r + 1]):
            kind, vector = kinds[row[n]], vectors[row[n]]
            last, nearest = np.float32(0.0), np.float32(-np.inf)
            for j in late:
                last = _dot(vectors[j], vector)
                nearest = max(nearest, last)
            out[n, 10], out[n, 11] = _dot(kind, kind_liked), _dot(kind, kind_late)
            out[n, 12], out[n, 13] = _dot(vector, near_liked), _dot(vector, near_late)
            out[n, 14], out[n, 15] = last, nearest if len(late) else np.float32(0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def write_found(
    source_rank: Int32, source_score: Float32, place: int, log_rank: Float32, first: int, out: Float32
) -> None:
    """Whether a source found each row, the log of its rank, and its score: three columns.

    Args:
        source_rank: int32 ``(N, S)``, read at ``place``; -1 where it did not find the row.
        source_score: float32 ``(N, S)``, read at ``place``.
        place: the source's; -1 for one that was not asked, which found nothing.
        log_rank: float32 ``(limit + 1,)``; the last is the rank of what was not found.
        first: the first of the three columns.
        out: float32 ``(N, features)``, written.
    """
    last = len(log_rank) - 1
    for n in range(len(out)):
        rank = source_rank[n, place] if place >= 0 else -1
        if rank < 0:
            out[n, first], out[n, first + 1], out[n, first + 2] = 0.0, log_rank[last], 0.0
            continue
        score = source_score[n, place]
        out[n, first] = 1.0
        out[n, first + 1] = log_rank[min(rank, last)]
        out[n, first + 2] = score if np.isfinite(score) else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def mean_transitions(
    indptr: Int64, indices: Int64, data: Float32, met: Int64, met_starts: Int64, lasts: Int64, row: Int64, starts: Int64
) -> Float32:
    """``Σ T(a, row) / n`` over the last n rows a that each row's request has met, float32 ``(N, L)``, a column an n.

    Args:
        indptr: ``(V + 2,)`` of the table of transitions, a compressed sparse matrix by rows.
        indices: of its columns.
        data: float32, its values.
        met: rows, list after list.
        met_starts: int64 ``(R + 1,)``, where each request's list begins.
        lasts: int64 ``(L,)``, each n at most.
        row: int64 ``(N,)``, request after request.
        starts: int64 ``(R + 1,)``, where each request's rows begin.
    """
    out = np.zeros((len(row), len(lasts)), np.float32)
    total = np.zeros(len(indptr) - 1, np.float64)
    for r in range(len(starts) - 1):
        for column in range(len(lasts)):
            first, end = max(met_starts[r], met_starts[r + 1] - lasts[column]), met_starts[r + 1]
            if first == end or starts[r] == starts[r + 1]:
                continue
            total[:] = 0.0
            for a in met[first:end]:
                for at in range(indptr[a], indptr[a + 1]):
                    total[indices[at]] += data[at]
            for n in range(starts[r], starts[r + 1]):
                out[n, column] = total[row[n]] / (end - first)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _mean(table: Float32, rows: Int64) -> Float32:
    """The mean of some rows; zeros of none."""
    mean = np.zeros(table.shape[1], np.float32)
    for row in rows:
        mean += table[row]
    return mean / np.float32(max(len(rows), 1))


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})  # type: ignore[untyped-decorator]
def _dot(a: Float32, b: Float32) -> np.float32:
    total = np.float32(0.0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total
