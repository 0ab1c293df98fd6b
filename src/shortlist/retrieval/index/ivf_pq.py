"""IVF-PQ: cells hold product-quantised residuals."""

from __future__ import annotations

from typing import Any

import faiss

from shortlist.retrieval.index.faiss_index import faiss_metric
from shortlist.retrieval.index.ivf import IvfIndex

__all__ = ["IvfPqIndex", "sub_vectors"]

_ITERATIONS, _SAMPLE_A_CENTRE = 10, 64  # of k-means over the pieces; more costs minutes and wins next to nothing


def sub_vectors(width: int) -> int:
    """Codes a vector: the greatest divisor of the dimension that leaves each code at least two coordinates.

    Example:
        >>> sub_vectors(64), sub_vectors(100), sub_vectors(7)
        (32, 50, 1)
    """
    return max(m for m in range(1, max(width // 2, 1) + 1) if width % m == 0)


class IvfPqIndex(IvfIndex):
    """About d / 2 bytes a vector: one byte a pair of coordinates (Jégou et al., TPAMI 2011); scores are approximate."""

    kind = "ivf-pq"

    def _empty(self, quantizer: Any, width: int, cells: int) -> Any:
        index = faiss.IndexIVFPQ(quantizer, width, cells, sub_vectors(width), 8, faiss_metric(self.metric))
        index.pq.cp.min_points_per_centroid = 1
        index.pq.cp.max_points_per_centroid = _SAMPLE_A_CENTRE
        index.pq.cp.niter = _ITERATIONS
        return index
