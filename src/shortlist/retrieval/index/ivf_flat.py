"""IVF-Flat: cells hold the vectors whole."""

from __future__ import annotations

from typing import Any

import faiss

from shortlist.retrieval.index.faiss_index import faiss_metric
from shortlist.retrieval.index.ivf import IvfIndex

__all__ = ["IvfFlatIndex"]


class IvfFlatIndex(IvfIndex):
    """4 d bytes a vector; scores are exact."""

    kind = "ivf-flat"

    def _empty(self, quantizer: Any, width: int, cells: int) -> Any:
        return faiss.IndexIVFFlat(quantizer, width, cells, faiss_metric(self.metric))
