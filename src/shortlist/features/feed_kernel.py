"""The columns of the feed's features that are one pass over the candidates, compiled."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Float32, Float64, Int32, Int64

__all__ = ["mean_transition", "write_found"]


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
def mean_transition(indptr: Int64, indices: Int64, data: Float32, met: Int64, total: Float64) -> None:
    """``Σ T(a, ·) / |met|`` over the rows a that were met; ``total`` comes in as zeros.

    Args:
        indptr: ``(V + 2,)`` of the table of transitions, a compressed sparse matrix by rows.
        indices: of its columns.
        data: float32, its values.
        met: int64, rows.
        total: float64 ``(V + 1,)``, written.
    """
    for a in met:
        for at in range(indptr[a], indptr[a + 1]):
            total[indices[at]] += data[at]
    if len(met):
        total /= len(met)
