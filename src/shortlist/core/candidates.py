"""``Candidates``: the columnar batch that every stage reads, narrows or adds columns to.

Rows of one **or many** requests lie one behind the other; ``request_offsets`` says where each request begins. The
server sends one request, the evaluation and the simulator send thousands, through the very same stages. No stage
loops over rows in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from shortlist.core.arrays import Array, Bool, Float32, Float64, Int32, Int64, UInt64
from shortlist.core.columns import RETRIEVAL_SCORE, Column
from shortlist.core.errors import ShortlistError
from shortlist.core.merge_kernel import kept_rows, number_pairs, numbered, owners, taken, write_source

__all__ = ["MAX_SOURCES", "RRF_K", "Candidates", "merge"]

MAX_SOURCES = 64
RRF_K = 60.0
"""The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009, section 2)."""

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Rows that may be shown, ``N`` of them for ``R`` requests.

    Attributes:
        request_offsets: int64 ``(R + 1,)``; request ``r`` owns rows ``[request_offsets[r], request_offsets[r + 1])``.
        key: int64 ``(N,)``, unique in the batch; it stays with a row as stages narrow the batch.
        item: int64 ``(N,)`` catalogue keys; need not be unique (two ads may show one item).
        source_names: the sources of this batch, ``S`` of them; bit ``s`` of the mask belongs to ``source_names[s]``.
        source_mask: uint64 ``(N,)``; which sources found the row.
        source_rank: int32 ``(N, S)``, 0 is a source's best, -1 where it did not find the row.
        source_score: float32 ``(N, S)`` in the source's own units, NaN where it did not find the row.
        columns: what stages have added, each ``(N,)``.
    """

    request_offsets: Int64
    key: Int64
    item: Int64
    source_names: tuple[str, ...]
    source_mask: UInt64
    source_rank: Int32
    source_score: Float32
    columns: Mapping[Column[Any], Array] = field(default_factory=dict)

    @classmethod
    def found(
        cls,
        source: str,
        request_offsets: Int64,
        item: Int64,
        score: Float32 | Float64,
        columns: Mapping[Column[Any], Array] | None = None,
    ) -> Candidates:
        """What one source found, each request's rows best first.

        Example:
            >>> c = Candidates.found("popular", np.array([0, 2, 3]), np.array([9, 4, 9]), np.array([.5, .4, .5]))
            >>> c.source_rank[:, 0].tolist(), c.request_index.tolist()
            ([0, 1, 0], [0, 0, 1])
        """
        n = len(item)
        offsets = np.asarray(request_offsets, dtype=np.int64)
        if offsets[-1] != n:
            raise ShortlistError(
                f"the requests' rows end at {offsets[-1]}, and source {source!r} found {n}",
                where="Candidates.found",
                fix="the last offset is the number of rows",
            )
        key, mask, rank = numbered(offsets)
        return cls(
            request_offsets=offsets,
            key=key,
            item=np.asarray(item, dtype=np.int64),
            source_names=(source,),
            source_mask=mask,
            source_rank=rank,
            source_score=np.asarray(score, dtype=np.float32)[:, None],
            columns=dict(columns or {}),
        )

    @classmethod
    def none(cls, n_requests: int, source_names: tuple[str, ...] = ()) -> Candidates:
        """No rows for ``n_requests`` requests."""
        s = len(source_names)
        return cls(
            request_offsets=np.zeros(n_requests + 1, dtype=np.int64),
            key=np.empty(0, dtype=np.int64),
            item=np.empty(0, dtype=np.int64),
            source_names=source_names,
            source_mask=np.empty(0, dtype=np.uint64),
            source_rank=np.empty((0, s), dtype=np.int32),
            source_score=np.empty((0, s), dtype=np.float32),
        )

    def __len__(self) -> int:
        return len(self.item)

    def __getitem__(self, column: Column[T]) -> NDArray[T]:
        """The values of a column, ``(N,)``.

        Raises:
            ShortlistError: no stage has added it yet.
        """
        try:
            return cast("NDArray[T]", self.columns[column])
        except KeyError:
            raise ShortlistError(
                f"the candidates have no column {column.name!r} yet",
                where=f"columns {sorted(c.name for c in self.columns)}",
                fix="put the stage that adds it before the stage that reads it",
            ) from None

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    @property
    def n_requests(self) -> int:
        """``R``."""
        return len(self.request_offsets) - 1

    @property
    def request_index(self) -> Int64:
        """The request that each row belongs to, int64 ``(N,)``."""
        owner: Int64 = owners(self.request_offsets)
        return owner

    def rows_of(self, request: int) -> slice:
        """The rows of one request."""
        return slice(int(self.request_offsets[request]), int(self.request_offsets[request + 1]))

    def sources_of(self, row: int) -> tuple[str, ...]:
        """The names of the sources that found a row."""
        mask = int(self.source_mask[row])
        return tuple(name for bit, name in enumerate(self.source_names) if mask >> bit & 1)

    def with_columns(self, added: Mapping[Column[Any], Array]) -> Candidates:
        """The same rows with more columns.

        Raises:
            ShortlistError: a column has another length than the batch.
        """
        for column, values in added.items():
            if len(values) != len(self):
                raise ShortlistError(
                    f"column {column.name!r} has {len(values)} values for {len(self)} candidates",
                    where="Candidates.with_columns",
                    fix="a stage returns one value a row, in the batch's order",
                )
        typed = {column: np.asarray(values, dtype=column.dtype) for column, values in added.items()}
        return Candidates(
            request_offsets=self.request_offsets,
            key=self.key,
            item=self.item,
            source_names=self.source_names,
            source_mask=self.source_mask,
            source_rank=self.source_rank,
            source_score=self.source_score,
            columns={**self.columns, **typed},
        )

    def keep(self, mask: Bool) -> Candidates:
        """The rows where ``mask`` (bool ``(N,)``) holds, in the same order.

        Raises:
            ShortlistError: the mask has another length than the batch.
        """
        if len(mask) != len(self):
            raise ShortlistError(
                f"the mask has {len(mask)} values for {len(self)} candidates",
                where="Candidates.keep",
                fix="give one bool a row, in the batch's order",
            )
        if np.count_nonzero(mask) == len(mask):
            return self
        return self._rows(*kept_rows(mask, self.request_offsets))

    def arrange(self, rows: Int64, request_offsets: Int64) -> Candidates:
        """Rows in another order: ``rows[request_offsets[r]:request_offsets[r + 1]]`` become those of request ``r``."""
        return self._rows(np.asarray(rows, dtype=np.int64), np.asarray(request_offsets, dtype=np.int64))

    def _rows(self, rows: Int64, request_offsets: Int64) -> Candidates:
        item, mask, rank, score = taken(rows, self.item, self.source_mask, self.source_rank, self.source_score)
        return Candidates(
            request_offsets=request_offsets,
            key=self.key.take(rows),
            item=item,
            source_names=self.source_names,
            source_mask=mask,
            source_rank=rank,
            source_score=score,
            columns={column: values.take(rows) for column, values in self.columns.items()},
        )


def merge(found: Sequence[Candidates], *, weights: Mapping[str, float] | None = None) -> Candidates:
    """One batch out of what several sources found: an item found twice is one row that names both sources.

    The rows of a request are ordered by reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009):
    ``RETRIEVAL_SCORE = sum over sources s of weight_s / (60 + rank_s)`` with ranks from 1; ties by item.

    Args:
        found: a batch a source, over the same requests, without columns of their own.
        weights: the weight of a source, 1 where it is not named.

    Example:
        >>> offsets = np.array([0, 2])
        >>> a = Candidates.found("a", offsets, np.array([1, 2]), np.array([.9, .8]))
        >>> b = Candidates.found("b", offsets, np.array([2, 3]), np.array([5., 4.]))
        >>> m = merge([a, b])
        >>> m.item.tolist(), m.sources_of(0)
        ([2, 1, 3], ('a', 'b'))
    """
    if not found:
        raise ShortlistError("there is nothing to merge", where="merge", fix="give at least one source's candidates")
    names = tuple(name for part in found for name in part.source_names)
    if len(names) > MAX_SOURCES or len(set(names)) != len(names):
        raise ShortlistError(
            f"sources {names} cannot share one mask", where="merge", fix="at most 64 sources, each with its own name"
        )
    n_requests = found[0].n_requests
    request = np.concatenate([part.request_index for part in found])
    item = np.concatenate([part.item for part in found])
    row, first = number_pairs(request, item)
    n = len(first)

    mask = np.zeros(n, dtype=np.uint64)
    rank = np.full((n, len(names)), -1, dtype=np.int32)
    score = np.full((n, len(names)), np.nan, dtype=np.float32)
    fused = np.zeros(n, dtype=np.float64)
    start, bit = 0, 0
    for part in found:
        rows = row[start : start + len(part)]
        for s, name in enumerate(part.source_names):
            weight = float((weights or {}).get(name, 1.0))
            write_source(rows, part.source_rank, part.source_score, s, bit, weight, RRF_K, mask, rank, score, fused)
            bit += 1
        start += len(part)

    item, request = item[first], request[first]
    by_score = np.lexsort((item, -fused, request))
    item, mask, rank, score = taken(by_score, item, mask, rank, score)
    return Candidates(
        request_offsets=_offsets(np.bincount(request, minlength=n_requests)),
        key=np.arange(n, dtype=np.int64),
        item=item,
        source_names=names,
        source_mask=mask,
        source_rank=rank,
        source_score=score,
        columns={RETRIEVAL_SCORE: fused[by_score]},
    )


def _offsets(counts: Int64) -> Int64:
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
