"""What the faiss backends share: one faiss index, filters as bitmaps, scores that rise with nearness, one file."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import faiss
import numpy as np

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.core.errors import ReleaseError
from shortlist.retrieval.index.card import write_card
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.vector_index import VectorIndex

__all__ = ["FAISS", "FaissIndex", "faiss_metric", "selector"]

FAISS: Any = faiss
"""faiss, whose constructors take more than its type stubs know."""


_FILE = "index.faiss"


def faiss_metric(metric: Metric) -> int:
    """Cosine is the inner product of vectors of length 1."""
    return int(faiss.METRIC_L2 if metric is Metric.L2 else faiss.METRIC_INNER_PRODUCT)


def selector(permitted: Bool | None) -> Any:
    """The places that may be found, one bit each; None for all."""
    return None if permitted is None else FAISS.IDSelectorBitmap(np.packbits(permitted, bitorder="little"))


class FaissIndex(VectorIndex):
    """An index whose vectors live in one faiss index, under their place as faiss's id."""

    _map_flag: ClassVar[int] = faiss.IO_FLAG_MMAP_IFC

    def __init__(self, metric: Metric = Metric.DOT, *, effort: int) -> None:
        super().__init__(metric, effort=effort)
        self._index: Any = None

    @abstractmethod
    def _create(self, vectors: Float32) -> Any:
        """An empty faiss index, trained on these vectors where it learns."""

    def _forget(self) -> None:
        self._index = None

    def _insert(self, vectors: Float32, first: int) -> None:  # noqa: ARG002 - faiss counts places itself
        if self._index is None:
            self._index = self._create(vectors)
        self._index.add(vectors)

    def _ask(self, index: Any, queries: Float32, k: int, parameters: Any) -> tuple[Float32, Int64]:
        value, place = index.search(queries, k, params=parameters)
        score: Float32 = -value if self.metric is Metric.L2 else value
        if place[:, -1].min() < 0:  # unfilled places come last
            score[place < 0] = -np.inf
        return score, place

    def save(self, folder: Path) -> None:
        """Write ``index.json``, ``ids.npy`` and, unless the index is empty, ``index.faiss``."""
        write_card(folder, self.card, self._ids)
        (folder / _FILE).unlink(missing_ok=True)
        if self._index is not None:
            faiss.write_index(self._index, str(folder / _FILE))

    def _restore(self, folder: Path, *, mmap: bool) -> int:
        path = folder / _FILE
        try:
            self._index = faiss.read_index(str(path), self._map_flag if mmap else 0)
        except RuntimeError:
            raise ReleaseError("the vector index cannot be read", where=str(path), fix="build it anew") from None
        return int(self._index.ntotal)
