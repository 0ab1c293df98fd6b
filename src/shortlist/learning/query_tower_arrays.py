"""What is left of a trained query tower when it serves: two arrays and an encoder in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float32
from shortlist.features.text import hashed_fragments
from shortlist.learning.two_tower_arrays import unit

__all__ = ["QueryTowerArrays"]


@dataclass(frozen=True, slots=True, eq=False)
class QueryTowerArrays:
    """``q = unit(mean over the query's hashed words and character n-grams f of E[f])``; ``score(q, i) = q · v_i``.

    Attributes:
        embedding: float32 ``(buckets + 1, d)``, E; row 0 is zeros.
        item_vectors: float32 ``(V + 1, d)``, v, of length 1; row 0 is zeros.
    """

    embedding: Float32
    item_vectors: Float32

    def query_vectors(self, queries: Sequence[str]) -> Float32:
        """float32 ``(R, d)`` of length 1; zeros where a query holds no letter and no digit."""
        found = hashed_fragments(queries, len(self.embedding) - 1)
        total = np.zeros((len(queries), self.embedding.shape[1]), dtype=np.float32)
        asked = np.flatnonzero(found.lengths)
        if len(asked):
            total[asked] = np.add.reduceat(self.embedding.take(found.values, 0), found.offsets[asked], axis=0)
        return unit(total)
