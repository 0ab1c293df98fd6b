"""Source "query_tower": items whose vector is near the query's, misspelt words included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Float32
from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.learning.query_tower_arrays import QueryTowerArrays
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.retrieval.item_index import build_item_index, load_item_index
from shortlist.retrieval.nearest import nearest

__all__ = ["QueryTowerSource"]


class QueryTowerSource:
    """Items by ``q · v_i``, found in an index of the items' vectors; the query tower runs in NumPy.

    The tower was trained on queries made up from the items' own texts, since no query log was at hand; it reads
    character n-grams, so that a misspelt query still lands near the right items. A query without a letter or digit
    finds nothing; any other finds the nearest items there are, however far: the relevance score must judge them.

    Args:
        catalogue: the release's items.
        tower: the exported tower.
        index: over its item vectors; built where it is not given.
        limit: candidates a request at most.
    """

    name = "query_tower"

    def __init__(
        self, catalogue: Catalogue, tower: QueryTowerArrays, *, index: VectorIndex | None = None, limit: int = 200
    ) -> None:
        self._read(tower)
        self._catalogue = catalogue
        self._limit = limit
        self._index = index or build_item_index(tower.item_vectors)

    def _read(self, tower: QueryTowerArrays) -> None:
        self.tower = tower
        self._query_vectors = lru_cache(maxsize=8)(tower.query_vectors)  # a page asks twice: to find, and to judge

    @property
    def item_vectors(self) -> Float32:
        """float32 ``(V + 1, d)`` of length 1; row 0 is zeros."""
        return self.tower.item_vectors

    def query_vectors(self, queries: Sequence[str]) -> Float32:
        """float32 ``(R, d)`` of length 1; zeros where a query holds no letter and no digit."""
        return self._query_vectors(tuple(queries))

    def add(self, catalogue: Catalogue, vectors: Float32 | None = None) -> None:
        """Take in the items that were added to the catalogue; the source needs itself for itself meanwhile.

        Args:
            catalogue: with the release's items first.
            vectors: float32 ``(added, d)``, their vectors where the tower aims at another model's; without them their
                texts are read by this encoder, as those of the release's items were.
        """
        held = len(self.item_vectors)
        if vectors is None:
            vectors = self.query_vectors(_texts(catalogue.table.slice(held - 1)))
        known = np.flatnonzero(vectors.any(axis=1))
        self._index.add(vectors[known], held + known)
        self._read(replace(self.tower, item_vectors=np.concatenate([self.item_vectors, vectors])))
        self._catalogue = catalogue

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """Items by ``q · v_i``."""
        vectors = self.query_vectors([request.query for request in batch.requests])
        return nearest(self.name, self._catalogue, self._index, vectors, limit=self._limit)

    def save(self, folder: Path) -> None:
        """Write tower and index."""
        write_arrays(folder, asdict(self.tower))
        self._index.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> QueryTowerSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the files do not belong to this catalogue.
        """
        tower = QueryTowerArrays(
            *read_arrays(folder, "embedding", "item_vectors", rows={"item_vectors": len(catalogue)})
        )
        return cls(catalogue, tower, index=load_item_index(folder, len(catalogue) - 1), limit=limit)


def _texts(items: pl.DataFrame) -> list[str]:
    """Title, brand, categories and description of each item, as the tower's training reads them."""
    columns = ("title", "brand", "categories", "description")
    return [
        f"{title or ''} {brand or ''} {' '.join(names or [])} {text or ''}"
        for title, brand, names, text in items.select(columns).iter_rows()
    ]
