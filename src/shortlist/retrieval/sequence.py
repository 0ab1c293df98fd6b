"""Source "sequence": what comes next, by an encoder that reads the liked items in their order."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

from shortlist.core.arrays import Float32
from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.learning.sequence_arrays import SequenceArrays
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.retrieval.item_index import build_item_index, load_item_index
from shortlist.retrieval.nearest import nearest
from shortlist.retrieval.selection import known_rows

__all__ = ["SequenceSource"]

_NAMES = tuple(field.name for field in fields(SequenceArrays))


class SequenceSource:
    """Unseen items by ``u · v_i + b_i``; u comes from causal self-attention over the latest likes (SASRec), in NumPy.

    A user without a history gets nothing.

    Args:
        catalogue: the release's items.
        encoder: the exported encoder.
        index: over its item vectors, biases included; built where it is not given.
        limit: candidates a request at most.
    """

    name = "sequence"

    def __init__(
        self, catalogue: Catalogue, encoder: SequenceArrays, *, index: VectorIndex | None = None, limit: int = 200
    ) -> None:
        self.encoder = encoder
        self._catalogue = catalogue
        self._limit = limit
        self._index = index or build_item_index(encoder.item_vectors)

    def user_vectors(self, batch: RequestBatch) -> Float32:
        """float32 ``(R, d + 1)``, the last column 1; zeros where no liked item is known."""
        return self.encoder.user_vectors(known_rows(batch.history, self._catalogue))

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """Unseen items by the encoder's logit."""
        seen = known_rows(batch.seen, self._catalogue)
        return nearest(
            self.name, self._catalogue, self._index, self.user_vectors(batch), limit=self._limit, leave_out=seen
        )

    def save(self, folder: Path) -> None:
        """Write encoder and index."""
        write_arrays(folder, asdict(self.encoder))
        self._index.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> SequenceSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the files do not belong to this catalogue.
        """
        encoder = SequenceArrays(*read_arrays(folder, *_NAMES, rows={"item_vectors": len(catalogue)}))
        return cls(catalogue, encoder, index=load_item_index(folder, len(catalogue) - 1), limit=limit)
