"""The pooling of a user's latest items, compiled: the part of the user tower that reads a list a request."""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Bool, Float32, Int64

__all__ = ["pool"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def pool(values: Int64, offsets: Int64, vectors: Float32, recency: Float32) -> tuple[Float32, Bool]:
    """``sum over the latest L items j, newest first, of w_j v_j``, w = softmax(recency) over those with a known v.

    Args:
        values: rows, oldest first, list after list.
        offsets: int64 ``(R + 1,)``, where each list begins.
        vectors: float32 ``(V + 1, d)``, v; zeros where nothing is known.
        recency: float32 ``(L,)``, logits by place, the newest item first.

    Returns:
        float32 ``(R, d)``, zeros for a list without a known item; and bool ``(R,)``, whether it has one.
    """
    length, n_requests = len(recency), len(offsets) - 1
    pooled, held = np.zeros((n_requests, vectors.shape[1]), np.float32), np.zeros(n_requests, np.bool_)
    weight = np.zeros(length, np.float32)
    most = recency.max() if length else np.float32(0.0)
    for place in range(length):
        weight[place] = np.exp(recency[place] - most)
    for r in range(n_requests):
        total = np.float32(0.0)
        for place in range(min(length, offsets[r + 1] - offsets[r])):
            vector = vectors[values[offsets[r + 1] - 1 - place]]
            if vector.any():
                held[r] = True
                total += weight[place]
                pooled[r] += weight[place] * vector
        if total > 0.0:
            pooled[r] /= total
    return pooled, held
