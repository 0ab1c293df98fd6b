"""Source "lexical": items that share words with the query, by BM25F."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from shortlist.core.candidates import Candidates
from shortlist.core.merge_kernel import owners
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.bm25f import Bm25fIndex, WordScores
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
        self._score = lru_cache(maxsize=8)(index.score)  # a page asks twice: to find items, and to judge them
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
        found = self.score([request.query for request in batch.requests])
        return best(
            self.name,
            self._catalogue,
            n_requests=len(batch),
            request=owners(found.offsets),
            row=found.item,
            score=found.value,
            limit=self._limit,
        )

    def score(self, queries: Sequence[str]) -> WordScores:
        """The scores that candidates are found by."""
        return self._score(tuple(queries))

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
