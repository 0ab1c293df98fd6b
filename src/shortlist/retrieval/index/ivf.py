"""Inverted files: vectors sorted into the cells of a k-means, of which a query visits the nearest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.core.errors import DataError
from shortlist.retrieval.index.faiss_index import FAISS, FaissIndex, faiss_metric, selector
from shortlist.retrieval.index.metric import Metric

__all__ = ["IvfIndex"]

_ITERATIONS = 10
_SAMPLE_A_CELL = 64
_LEAST_SAMPLE = 256  # what a product quantiser of 8 bits asks for
_FEW = 20  # points from which a matrix product pays


class IvfIndex(FaissIndex):
    """An inverted file (Sivic & Zisserman, ICCV 2003; Jégou et al., TPAMI 2011); a subclass says how a cell stores.

    Cells and codes are learnt from the first vectors and kept: add what is like them, build anew when it is not.

    Args:
        metric: what near means.
        cells: how many, nlist; cut to the number of vectors there are at the build.
        effort: cells that a search visits, nprobe.
    """

    _map_flag = faiss.IO_FLAG_MMAP

    def __init__(self, metric: Metric = Metric.DOT, *, cells: int = 1024, effort: int = 64) -> None:
        super().__init__(metric, effort=effort)
        if cells < 1:
            raise DataError(f"cells is {cells}", where=self.kind, fix="give an integer from 1")
        self.cells = cells

    @property
    def knobs(self) -> Mapping[str, int]:
        """The number of cells."""
        return {"cells": self.cells}

    def least_effort(self, k: int) -> int:
        """Cells that hold k vectors on average."""
        return min(-(-k * self.cells // max(len(self), 1)), self.cells)

    def most_effort(self) -> int:
        """All cells."""
        return self.cells

    @abstractmethod
    def _empty(self, quantizer: Any, width: int, cells: int) -> Any:
        """The untrained faiss index over a coarse quantiser."""

    def _create(self, vectors: Float32) -> Any:
        cells = min(self.cells, len(vectors))
        index = self._empty(faiss.IndexFlat(vectors.shape[1], faiss_metric(self.metric)), vectors.shape[1], cells)
        index.cp.niter = _ITERATIONS
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = _SAMPLE_A_CELL
        sample = np.resize(vectors, (_LEAST_SAMPLE, vectors.shape[1])) if len(vectors) < _LEAST_SAMPLE else vectors
        with _matrix_products():
            index.train(sample)
        return index

    def _insert(self, vectors: Float32, first: int) -> None:
        if self._index is None:
            self._index = self._create(vectors)
        self._index.add_with_ids(vectors, np.arange(first, first + len(vectors), dtype=np.int64))

    def _restore(self, folder: Path, *, mmap: bool) -> int:
        held = super()._restore(folder, mmap=mmap)
        if mmap:  # faiss would start 32 threads a search to read ahead; the page cache serves one better
            FAISS.downcast_InvertedLists(self._index.invlists).prefetch_nthread = 0
        return held

    def _discard(self, places: Int64) -> None:
        self._index.remove_ids(faiss.IDSelectorBatch(places))

    def _nearest(self, queries: Float32, k: int, effort: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        visited = min(effort, int(self._index.nlist))
        return self._ask(self._index, queries, k, FAISS.SearchParametersIVF(nprobe=visited, sel=selector(permitted)))

    def _scan(self, queries: Float32, k: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        return self._nearest(queries, k, int(self._index.nlist), permitted)


@contextmanager
def _matrix_products() -> Iterator[None]:
    """k-means compares all points with all centres by matrix products.

    faiss 1.15 loops over the pairs below 128,000 points: ten times as long for the short pieces of a product quantiser.
    """
    before = FAISS.cvar.distance_compute_blas_threshold
    FAISS.cvar.distance_compute_blas_threshold = _FEW
    try:
        yield
    finally:
        FAISS.cvar.distance_compute_blas_threshold = before
