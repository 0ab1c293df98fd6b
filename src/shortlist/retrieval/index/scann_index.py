"""ScaNN, where it is installed: a tree of cells, anisotropic product quantisation, exact re-scoring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.core.errors import DataError, ReleaseError
from shortlist.retrieval.index.card import write_card
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.vector_index import VectorIndex

__all__ = ["ScannIndex", "scann_installed"]

_FOLDER = "scann"
_FEWEST = 1_000  # below this ScaNN itself advises to compare all
_SCANNED_AT_ONCE = 64


def scann_installed() -> bool:
    """Can ``ScannIndex`` be used here?"""
    try:
        import scann  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


class ScannIndex(VectorIndex):
    """ScaNN (Guo et al., Accelerating large-scale inference with anisotropic vector quantization, ICML 2020).

    It keeps the vectors a second time, for filters: ScaNN takes none, so that it is asked for more and what may not
    be shown is dropped. A mapped load maps that copy; ScaNN reads its own files into memory.

    Args:
        metric: what near means.
        cells: leaves of the tree.
        reorder: candidates that are scored exactly; never below k.
        effort: leaves that a search visits.

    Raises:
        DataError: ScaNN is not installed.
    """

    kind = "scann"

    def __init__(self, metric: Metric = Metric.DOT, *, cells: int = 256, reorder: int = 2000, effort: int = 64) -> None:
        if not scann_installed():
            raise DataError("ScaNN is not installed", where=self.kind, fix="pip install 'shortlist[scann]'")
        super().__init__(metric, effort=effort)
        self.cells = cells
        self.reorder = reorder
        self._searcher: Any = None
        self._vectors: Float32 = np.empty((0, 0), dtype=np.float32)

    @property
    def knobs(self) -> Mapping[str, int]:
        """Leaves and candidates scored exactly."""
        return {"cells": self.cells, "reorder": self.reorder}

    def least_effort(self, k: int) -> int:
        """Leaves that hold k vectors on average."""
        return min(-(-k * self.cells // max(len(self), 1)), self.cells)

    def most_effort(self) -> int:
        """All leaves."""
        return self.cells

    def variants(self, k: int) -> Iterator[Self]:
        """With 2.5, 5, 10 and 20 times k scored exactly."""
        for reorder in (5 * k // 2, 5 * k, 10 * k, 20 * k):
            other = copy(self)
            other.reorder = reorder
            yield other

    def save(self, folder: Path) -> None:
        """Write ``index.json``, ``ids.npy`` and, unless the index is empty, ScaNN's files into ``scann/``."""
        write_card(folder, self.card, self._ids)
        if self._searcher is not None:
            (folder / _FOLDER).mkdir(exist_ok=True)
            self._searcher.serialize(str(folder / _FOLDER), relative_path=True)
            np.save(folder / "vectors.npy", self._vectors, allow_pickle=False)

    def _restore(self, folder: Path, *, mmap: bool) -> int:
        from scann import scann_ops_pybind

        if list((folder / _FOLDER).glob("*.pkl")):
            raise ReleaseError("a pickle lies beside the index", where=str(folder), fix="build the index anew")
        try:
            self._vectors = np.load(folder / "vectors.npy", mmap_mode="r" if mmap else None, allow_pickle=False)
            self._searcher = scann_ops_pybind.load_searcher(str(folder / _FOLDER), assets_backcompat_shim=False)
        except (OSError, ValueError, RuntimeError, EOFError):
            raise ReleaseError("the vector index cannot be read", where=str(folder), fix="build it anew") from None
        return len(self._vectors)

    def _forget(self) -> None:
        self._searcher = None
        self._vectors = np.empty((0, 0), dtype=np.float32)

    def _insert(self, vectors: Float32, first: int) -> None:
        if self._searcher is None:
            self._vectors = vectors.copy()
            self._searcher = self._create(vectors)
        else:
            self._vectors = np.concatenate([self._vectors[:first], vectors])
            self._searcher.searcher.upsert([None] * len(vectors), vectors, len(vectors))

    def _create(self, vectors: Float32) -> Any:
        from scann import scann_ops_pybind

        measure = "squared_l2" if self.metric is Metric.L2 else "dot_product"
        builder = scann_ops_pybind.builder(vectors, 10, measure)
        if len(vectors) < _FEWEST:
            return builder.score_brute_force().build()
        cells = min(self.cells, len(vectors))
        tree = builder.tree(
            num_leaves=cells,
            num_leaves_to_search=min(self.effort, cells),
            training_sample_size=min(len(vectors), 250_000),
        )
        hashed = tree.score_ah(2, anisotropic_quantization_threshold=0.2)
        return hashed.reorder(min(self.reorder, len(vectors))).build()

    def _nearest(self, queries: Float32, k: int, effort: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        held = len(self._ids)
        share = 1.0 if permitted is None else np.count_nonzero(permitted) / held
        asked = min(held, int(np.ceil(1.5 * k / share)) + 16 if permitted is not None else k)
        place, value = self._searcher.search_batched(
            queries,
            final_num_neighbors=asked,
            pre_reorder_num_neighbors=min(held, max(int(self.reorder / share), asked)),
            leaves_to_search=min(effort, self.cells),
        )
        score = np.asarray(-value if self.metric is Metric.L2 else value, dtype=np.float32)
        found = place.astype(np.int64)
        unfit = ~np.isfinite(score)
        found[unfit] = 0
        if permitted is not None:
            unfit |= ~permitted[found]
        score[unfit], found[unfit] = -np.inf, -1
        order = np.argsort(-score, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(score, order, axis=1), np.take_along_axis(found, order, axis=1)

    def _scan(self, queries: Float32, k: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        places = np.arange(len(self._ids)) if permitted is None else np.flatnonzero(permitted)
        held = self._vectors[places]
        score = np.empty((len(queries), k), dtype=np.float32)
        place = np.empty((len(queries), k), dtype=np.int64)
        for start in range(0, len(queries), _SCANNED_AT_ONCE):
            part = queries[start : start + _SCANNED_AT_ONCE]
            value = part @ held.T
            if self.metric is Metric.L2:
                value = 2.0 * value - np.square(held).sum(axis=1) - np.square(part).sum(axis=1)[:, None]
            order = np.argsort(-value, axis=1, kind="stable")[:, :k]
            score[start : start + len(part)] = np.take_along_axis(value, order, axis=1)
            place[start : start + len(part)] = places[order]
        return score, place
