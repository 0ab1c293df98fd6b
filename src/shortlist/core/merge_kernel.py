"""The pass over one source's rows that every merge pays for, compiled."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Float32, Float64, Int32, Int64, UInt64

__all__ = ["write_source"]


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
