"""What near means; a score is higher for what is nearer, whatever the metric."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from shortlist.core.arrays import Float32

__all__ = ["Metric", "unit"]


class Metric(StrEnum):
    """How a query q and a vector x are compared.

    Attributes:
        DOT: score q · x. Not a metric: x need not be nearest to itself, and long vectors are near to many queries.
        COSINE: score q · x / (|q| |x|); 0 where one of them is the zero vector.
        L2: score -|q - x|².
    """

    DOT = "dot"
    COSINE = "cosine"
    L2 = "l2"


def unit(vectors: Float32) -> Float32:
    """Vectors of length 1, float32 ``(N, d)``; the zero vector stays what it is.

    Example:
        >>> unit(np.array([[3, 4], [0, 0]], dtype=np.float32)).round(1).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    scaled: Float32 = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return scaled
