"""Maximum inner product search over the items' vectors, by faiss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from shortlist.core.arrays import Float32, Int64
from shortlist.core.errors import ReleaseError

__all__ = ["EXACT_BELOW", "VectorIndex"]

EXACT_BELOW = 50_000
"""Fewer vectors than this are searched exactly, more by an HNSW graph."""

_GRAPH_DEGREE = 32
_BUILD_BREADTH = 200
_FILE = "index.faiss"


class VectorIndex:
    """The rows whose vectors have the greatest inner product with a query vector.

    Exact search costs V·d multiplications a query: at 50,000 items and 64 dimensions about a millisecond on one core.
    Above that a graph (HNSW: Malkov & Yashunin, TPAMI 2018; degree 32) visits a small share of the vectors.

    Example:
        >>> index = VectorIndex.build(np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float32))
        >>> score, row = index.search(np.array([[.1, .9]], dtype=np.float32), 2)
        >>> row.tolist()
        [[2, 1]]
    """

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Float32) -> VectorIndex:
        """Index float32 ``(V + 1, d)``; row 0, the unknown item, is not indexed."""
        count, width = len(vectors) - 1, vectors.shape[1]
        index: Any = faiss.IndexFlatIP(width)
        if count >= EXACT_BELOW:
            index = faiss.IndexHNSWFlat(width, _GRAPH_DEGREE, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = _BUILD_BREADTH
        index.add(np.ascontiguousarray(vectors[1:], dtype=np.float32))
        return cls(index)

    def __len__(self) -> int:
        """Indexed rows."""
        return int(self._index.ntotal)

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        """The ``k`` best rows of each query.

        Args:
            queries: float32 ``(R, d)``.
            k: how many; cut to what the index holds.

        Returns:
            Inner products float32 ``(R, k)``, falling, and rows int64 ``(R, k)``; a place that the graph could not
            fill has row 0 and score minus infinity.
        """
        k = min(k, len(self))
        wanted = np.ascontiguousarray(queries, dtype=np.float32)
        if isinstance(self._index, faiss.IndexHNSW):
            breadth = faiss.SearchParametersHNSW(  # type: ignore[attr-defined]
                efSearch=max(64, 2 * k)
            )
            score, place = self._index.search(wanted, k, params=breadth)
        else:
            score, place = self._index.search(wanted, k)
        return np.where(place < 0, -np.inf, score).astype(np.float32), (place + 1).astype(np.int64)

    def save(self, folder: Path) -> None:
        """Write ``index.faiss``."""
        faiss.write_index(self._index, str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, n_items: int) -> VectorIndex:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file is missing, torn or indexes another number of items.
        """
        path = folder / _FILE
        try:
            index = cls(faiss.read_index(str(path)))
        except RuntimeError:
            raise ReleaseError("the vector index cannot be read", where=str(path), fix="train a new release") from None
        if len(index) != n_items:
            raise ReleaseError(
                f"the index holds {len(index)} items, the catalogue {n_items}",
                where=str(path),
                fix="a release's files belong together; train a new one",
            )
        return index
