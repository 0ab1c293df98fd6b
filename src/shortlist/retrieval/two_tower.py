"""Source "two_tower": items whose vector is near the user's, which the user tower makes from the live history."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float32
from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.learning.two_tower_arrays import TwoTowerArrays
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.retrieval.item_index import build_item_index, load_item_index
from shortlist.retrieval.nearest import nearest
from shortlist.retrieval.selection import known_rows

__all__ = ["TwoTowerSource"]

_NAMES = tuple(field.name for field in fields(TwoTowerArrays))


class TwoTowerSource:
    """Unseen items by ``u · v_i``, found in an index of the item tower's vectors; the user tower runs in NumPy.

    A user without a history gets nothing.

    Args:
        catalogue: the release's items.
        towers: the exported towers.
        index: over their item vectors; built where it is not given.
        limit: candidates a request at most.
    """

    name = "two_tower"

    def __init__(
        self, catalogue: Catalogue, towers: TwoTowerArrays, *, index: VectorIndex | None = None, limit: int = 200
    ) -> None:
        self.towers = towers
        self._catalogue = catalogue
        self._limit = limit
        self._index = index or build_item_index(towers.item_vectors)

    @property
    def item_vectors(self) -> Float32:
        """float32 ``(V + 1, d)`` of length 1; row 0 is zeros."""
        return self.towers.item_vectors

    def user_vectors(self, batch: RequestBatch) -> Float32:
        """float32 ``(R, d)`` of length 1; zeros where no liked item is known."""
        return self.towers.user_vectors(known_rows(batch.history, self._catalogue))

    def embed(self, items: pl.DataFrame) -> Float32:
        """Where items stand whom nobody has met, by their content alone.

        Args:
            items: a table in the schema ``ITEMS``; the catalogue need not know them.

        Returns:
            float32 ``(n, d)`` of length 1; zeros where nothing of an item is known to the tower.
        """
        return self.towers.content_vectors(items)

    def add(self, catalogue: Catalogue) -> None:
        """Take in the items that were added to the catalogue: embedded and put into the index, nothing is retrained.

        The source needs itself for itself meanwhile, as its index does. An item of which the tower knows nothing is
        not put into the index: no user is nearer to it than another.

        Args:
            catalogue: with the release's items first.
        """
        held = len(self.item_vectors)
        vectors = self.embed(catalogue.table.slice(held - 1))
        known = np.flatnonzero(vectors.any(axis=1))
        self._index.add(vectors[known], held + known)
        self.towers = replace(self.towers, item_vectors=np.concatenate([self.item_vectors, vectors]))
        self._catalogue = catalogue

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """Unseen items by ``u · v_i``."""
        return self.among(batch, None)

    def among(self, batch: RequestBatch, allowed: Bool | None, *, source: str = name) -> Candidates:
        """The same among some rows only.

        Args:
            batch: the requests.
            allowed: bool ``(V + 1,)``, the rows that may be found; None for all.
            source: the name that the candidates carry.
        """
        return nearest(
            source,
            self._catalogue,
            self._index,
            self.user_vectors(batch),
            limit=self._limit,
            leave_out=known_rows(batch.seen, self._catalogue),
            allowed=allowed,
        )

    def save(self, folder: Path) -> None:
        """Write towers and index."""
        write_arrays(folder, asdict(self.towers))
        self._index.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> TwoTowerSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the files do not belong to this catalogue.
        """
        towers = TwoTowerArrays(*read_arrays(folder, *_NAMES, rows={"item_vectors": len(catalogue)}))
        return cls(catalogue, towers, index=load_item_index(folder, len(catalogue) - 1), limit=limit)
