"""Source "lexical": items that share words with the query, by BM25."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.bm25 import Bm25Index
from shortlist.retrieval.selection import best

__all__ = ["LexicalSource"]


class LexicalSource:
    """BM25 over title (counted twice), brand, categories, description and the year of release, in one field.

    A query that is empty or holds no word of any item finds nothing. Two more indices, over titles and over
    categories alone, serve the relevance score.

    Args:
        catalogue: the release's items.
        everything: the index that candidates are found by.
        title: over titles.
        categories: over category names.
        limit: candidates a request at most.
    """

    name = "lexical"

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        everything: Bm25Index,
        title: Bm25Index,
        categories: Bm25Index,
        limit: int = 200,
    ) -> None:
        self.everything = everything
        self.title = title
        self.categories = categories
        self._catalogue = catalogue
        self._limit = limit

    @classmethod
    def fit(cls, catalogue: Catalogue, *, limit: int = 200) -> LexicalSource:
        """Index the catalogue's texts."""
        everything, titles, categories = [""], [""], [""]
        columns = ("title", "brand", "categories", "description", "released_us")
        for title, brand, names, text, released in catalogue.table.select(columns).iter_rows():
            year = "" if released is None else str(np.datetime64(released, "us").astype("datetime64[Y]"))
            of_category = " ".join(names or [])
            titles.append(title or "")
            categories.append(of_category)
            written = f"{title or ''} {title or ''} {brand or ''} {of_category} {text or ''}"
            everything.append(written if year in written else f"{written} {year}")
        return cls(
            catalogue,
            everything=Bm25Index.fit(everything),
            title=Bm25Index.fit(titles),
            categories=Bm25Index.fit(categories),
            limit=limit,
        )

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
        """The scores that candidates are found by, float32 ``(R, V + 1)``, sparse."""
        return self.everything.score(queries)

    def save(self, folder: Path) -> None:
        """Write the three indices."""
        for name, index in (("everything", self.everything), ("title", self.title), ("categories", self.categories)):
            index.save(folder / name)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> LexicalSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the files do not belong to this catalogue.
        """
        return cls(
            catalogue,
            everything=Bm25Index.load(folder / "everything", len(catalogue)),
            title=Bm25Index.load(folder / "title", len(catalogue)),
            categories=Bm25Index.load(folder / "categories", len(catalogue)),
            limit=limit,
        )
