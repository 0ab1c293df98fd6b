"""IVF-SQ8: cells hold each coordinate in 8 bits."""

from __future__ import annotations

from typing import Any

import faiss

from shortlist.retrieval.index.faiss_index import faiss_metric
from shortlist.retrieval.index.ivf import IvfIndex

__all__ = ["IvfSq8Index"]

_ROOM = 0.1


class IvfSq8Index(IvfIndex):
    """d bytes a vector, each coordinate's range in 256 steps; scores are off by some of them.

    The ranges are those of the vectors of the build with a tenth more at both ends; what is added beyond is cut.
    """

    kind = "ivf-sq8"

    def _empty(self, quantizer: Any, width: int, cells: int) -> Any:
        steps = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(quantizer, width, cells, steps, faiss_metric(self.metric))
        index.sq.rangestat_arg = _ROOM
        return index
