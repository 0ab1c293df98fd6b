"""Source "lexical": items that share words with the query, by BM25F."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.bm25f import Bm25fIndex
from shortlist.retrieval.field_counts import FieldCounts, FieldWeights, with_items
from shortlist.retrieval.selection import best

__all__ = ["LexicalSource"]


class LexicalSource:
    """BM25F over title, brand, categories, the description's first line and the rest of it.

    A query that is empty or holds no word of any item finds nothing.

    Args:
        catalogue: the release's items.
        index: over their texts.
        limit: candidates a request at most.
    """

    name = "lexical"

    def __init__(self, catalogue: Catalogue, index: Bm25fIndex, *, limit: int = 200) -> None:
        self._catalogue = catalogue
        self._index = index
        self._limit = limit

    @classmethod
    def fit(cls, catalogue: Catalogue, *, weights: FieldWeights | None = None, limit: int = 200) -> LexicalSource:
        """Index the catalogue's texts."""
        return cls(catalogue, FieldCounts.of(catalogue).index(weights), limit=limit)

    def extended(self, catalogue: Catalogue) -> LexicalSource:
        """With the items that were added to the catalogue behind the release's; nothing is indexed anew."""
        return LexicalSource(catalogue, with_items(self._index, catalogue.added), limit=self._limit)

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """The items with the highest scores."""
        found = self.score([request.query for request in batch.requests]).tocoo()
        request, row = found.coords
        return best(
            self.name,
            self._catalogue,
            n_requests=len(batch),
            request=request.astype(np.int64),
            row=row.astype(np.int64),
            score=found.data,
            limit=self._limit,
        )

    def score(self, queries: Sequence[str]) -> csr_array:
        """The scores that candidates are found by, float32 ``(R, V + 1)``, sparse, items in order."""
        return self._index.score(queries)

    def save(self, folder: Path) -> None:
        """Write the index."""
        self._index.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> LexicalSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the files do not belong to this catalogue.
        """
        return cls(catalogue, Bm25fIndex.load(folder, len(catalogue)), limit=limit)
