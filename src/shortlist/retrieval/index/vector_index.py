"""The one interface of all indexes, and what they share: checks, ids, filters, removal, unfilled places."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from shortlist.core.arrays import Array, Bool, Float32, Int64
from shortlist.core.errors import DataError, ReleaseError
from shortlist.retrieval.index.card import IndexCard
from shortlist.retrieval.index.checks import checked_filter, checked_ids, checked_vectors
from shortlist.retrieval.index.metric import Metric, unit

__all__ = ["NO_ID", "Neighbours", "VectorIndex"]

NO_ID = -1
"""Stands where there is nothing more to find."""

_SCAN_SHARE = 0.02
"""A filter that leaves a smaller share is answered by looking at all that it leaves."""


class Neighbours(NamedTuple):
    """What a search found.

    Attributes:
        ids: int64 ``(R, k)``, best first; ``NO_ID`` beyond the last.
        scores: float32 ``(R, k)``, never rising; minus infinity beyond the last.
    """

    ids: Int64
    scores: Float32


class VectorIndex(ABC):
    """The ids whose vectors are nearest to a query.

    A search always finds ``min(k, number of permitted vectors)`` ids: where an approximate one comes back with less,
    it looks again with four times the effort, at last at all. Searches may run side by side; ``build``, ``add`` and
    ``remove`` need the index for themselves.

    Args:
        metric: what near means.
        effort: how much an approximate search looks at; what it counts is each backend's own.
    """

    kind: ClassVar[str]
    """The name in tables and in the saved card."""

    def __init__(self, metric: Metric = Metric.DOT, *, effort: int) -> None:
        if effort < 1:
            raise DataError(f"effort is {effort}", where=self.kind, fix="give an integer from 1")
        self.metric = Metric(metric)
        self.effort = effort
        self.read_only = False
        self._width: int | None = None
        self._ids: Int64 = np.empty(0, dtype=np.int64)
        self._count = 0

    def __len__(self) -> int:
        """Vectors that can be found."""
        return self._count

    @property
    def width(self) -> int:
        """The dimension.

        Raises:
            DataError: nothing was built.
        """
        if self._width is None:
            raise DataError("the index was not built", where=self.kind, fix="call build first")
        return self._width

    @property
    def ids(self) -> Int64:
        """int64 ``(len(self),)``, in the order in which they were added."""
        return self._ids[self._ids >= 0]

    @property
    def knobs(self) -> Mapping[str, int]:
        """The arguments of the constructor beside metric and effort."""
        return {}

    @property
    def card(self) -> IndexCard:
        """What describes a saved index."""
        return IndexCard(self.kind, self.metric, self.width, self._count, self.effort, dict(self.knobs))

    def build(self, vectors: Array, ids: Array | None = None) -> Self:
        """Start anew with these vectors.

        Args:
            vectors: ``(N, d)``; N may be 0, the index then learns its shape from the first that are added.
            ids: ``(N,)`` distinct integers from 0; 0, 1, 2 … where not given.

        Raises:
            DataError: vectors or ids that cannot be used.
        """
        given = checked_vectors(vectors, None, "vectors")
        wanted = checked_ids(ids, len(given), np.empty(0, dtype=np.int64))
        self._width = given.shape[1]
        self._ids, self._count, self.read_only = np.empty(0, dtype=np.int64), 0, False
        self._forget()
        self._append(given, wanted)
        return self

    def add(self, vectors: Array, ids: Array) -> None:
        """Add vectors without a rebuild.

        Args:
            vectors: ``(N, d)``.
            ids: ``(N,)`` integers from 0 that are not in the index.

        Raises:
            DataError: vectors or ids that cannot be used, or the index is a mapped file.
        """
        self._must_be_writable()
        given = checked_vectors(vectors, self.width, "vectors")
        self._append(given, checked_ids(np.asarray(ids), len(given), self.ids))

    def remove(self, ids: Array) -> None:
        """Take vectors out without a rebuild; IVF frees their memory, the others at the next build.

        Raises:
            DataError: an id is not in the index, or the index is a mapped file.
        """
        self._must_be_writable()
        wanted = np.unique(np.asarray(ids, dtype=np.int64))
        places = np.flatnonzero(np.isin(self._ids, wanted[wanted >= 0]))
        if len(places) < len(wanted):
            absent = np.setdiff1d(wanted, self.ids)[0]
            raise DataError(f"id {absent} is not in the index", where="ids", fix="remove only what was added")
        self._ids[places] = NO_ID
        self._count -= len(places)
        if len(places):
            self._discard(places)

    def search(self, queries: Array, k: int, *, allowed: Array | None = None, effort: int | None = None) -> Neighbours:
        """The ``k`` nearest permitted ids of each query.

        With a filter the effort grows by one over the share that the filter leaves, so that recall holds.

        Args:
            queries: ``(R, d)``.
            k: how many, from 1.
            allowed: bool ``(n,)``, may id i be found? Ids from n on may not. For example a category's bitmap, or
                the bitmap of what is in stock, or both with ``&``.
            effort: another than the index's own.

        Raises:
            DataError: queries or filter that cannot be used.
        """
        wanted = self._comparable(checked_vectors(queries, self.width, "queries"))
        if k < 1:
            raise DataError(f"k is {k}", where="search", fix="ask for at least one")
        permitted = self._permitted(allowed)
        count = self._count if permitted is None else int(np.count_nonzero(permitted))
        take = min(k, count)
        if not take or not len(wanted):
            return _padded(Neighbours(np.empty((len(wanted), 0), np.int64), np.empty((len(wanted), 0), np.float32)), k)
        share = count / len(self._ids)
        if share < _SCAN_SHARE:
            score, place = self._scan(wanted, take, permitted)
        else:
            reach = int(np.ceil((self.effort if effort is None else max(effort, 1)) / share))
            score, place = self._nearest(wanted, take, reach, permitted)
            while len(short := np.flatnonzero((place < 0).any(axis=1))) and reach < self.most_effort():
                reach *= 4
                score[short], place[short] = self._nearest(wanted[short], take, reach, permitted)
            if len(short):
                score[short], place[short] = self._scan(wanted[short], take, permitted)
        return _padded(Neighbours(self._ids[place], score), k)

    def variants(self, k: int) -> Iterator[Self]:  # noqa: ARG002 - only some have knobs of the search that follow k
        """The same vectors with other knobs of the search beside the effort that are worth a try; nothing is copied."""
        yield self

    def least_effort(self, k: int) -> int:  # noqa: ARG002 - not all depend on k
        """With less than this a search cannot be expected to find k."""
        return 1

    def most_effort(self) -> int:
        """More than this changes nothing."""
        return max(len(self._ids), 1)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the index into a folder; ``load.load_index`` reads it."""

    def restore(self, folder: Path, card: IndexCard, ids: Int64, *, mmap: bool) -> None:
        """Become the index that was saved; ``load.load_index`` calls this on one made from the card.

        Raises:
            ReleaseError: a file is missing, torn or belongs to another index.
        """
        self._width, self._ids, self._count, self.read_only = card.width, ids, card.count, mmap
        self._forget()
        if len(ids) and self._restore(folder, mmap=mmap) not in {len(ids), card.count}:
            raise ReleaseError(
                "the index and its ids differ", where=str(folder), fix="the files of an index belong together"
            )

    @abstractmethod
    def _restore(self, folder: Path, *, mmap: bool) -> int:
        """Read what ``save`` wrote beside card and ids; how many vectors it holds."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop every vector."""

    @abstractmethod
    def _insert(self, vectors: Float32, first: int) -> None:
        """Take comparable vectors for the places from ``first`` on; the first of all may be learnt from."""

    @abstractmethod
    def _nearest(self, queries: Float32, k: int, effort: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        """Scores and places, ``(R, k)`` each, best first; place -1 where nothing was found."""

    @abstractmethod
    def _scan(self, queries: Float32, k: int, permitted: Bool | None) -> tuple[Float32, Int64]:
        """The same, by looking at every permitted vector; ``k`` is not above their number."""

    def _discard(self, places: Int64) -> None:  # noqa: B027 - a backend that cannot free memory leaves it
        """Free what stood in these places, where a backend can."""

    def _comparable(self, vectors: Float32) -> Float32:
        return unit(vectors) if self.metric is Metric.COSINE else vectors

    def _append(self, vectors: Float32, ids: Int64) -> None:
        if len(vectors):
            self._insert(self._comparable(vectors), len(self._ids))
            self._ids = np.concatenate([self._ids, ids])
            self._count += len(ids)

    def _permitted(self, allowed: Array | None) -> Bool | None:
        if allowed is None:
            return None if self._count == len(self._ids) else self._ids >= 0
        given = checked_filter(allowed)
        inside = (self._ids >= 0) & (self._ids < len(given))
        permitted = np.zeros(len(self._ids), dtype=np.bool_)
        permitted[inside] = given[self._ids[inside]]
        return permitted

    def _must_be_writable(self) -> None:
        if self.read_only:
            raise DataError("the index is a mapped file", where=self.kind, fix="load it without mmap to change it")


def _padded(found: Neighbours, k: int) -> Neighbours:
    """``k`` columns: beyond the last that was found, no id and minus infinity."""
    n, held = found.ids.shape
    if held == k:
        return found
    ids, scores = np.full((n, k), NO_ID, dtype=np.int64), np.full((n, k), -np.inf, dtype=np.float32)
    ids[:, :held], scores[:, :held] = found.ids, found.scores
    return Neighbours(ids, scores)
