"""Requests and candidates as tables, and the columns of a declaration read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import DataError
from shortlist.features.column_keys import column_keys, numbers, table_column
from shortlist.features.declaration import Declaration
from shortlist.features.hashing import pair_keys

__all__ = ["DAY_US", "DeclaredRows"]

DAY_US = 86_400_000_000
"""A day in microseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredRows:
    """R requests and their N candidates.

    Attributes:
        requests: R rows with the columns of ``Declaration.request``.
        candidates: N rows with the other columns.
        index: int64 ``(N,)``, the request of each candidate.
        as_of_us: int64 ``(R,)``: what happened before this is known. A row learns what it will be served with if this
            is as far behind it in training as the log will be when it is served.
        without_us: int64 ``(R, 2)``: events from the first instant on and before the second one are left out. None
            leaves out nothing.

    Where a model is served with a log that was frozen long before, there are two ways to learn that. Rows as of their
    own day's beginning never see the future, but the first days' rows have next to no history, which is not what will
    be served. Rows as of the log's end without their own day (``cross_fitted``) have histories of the served length;
    they may see later days, so they are for training only, and nothing that is judged may be made that way.

    Raises:
        DataError: the lengths do not go together, or an index names no request.
    """

    requests: pl.DataFrame
    candidates: pl.DataFrame
    index: Int64
    as_of_us: Int64
    without_us: Int64 | None = None

    def __post_init__(self) -> None:
        n = len(self.requests)
        if len(self.index) != len(self.candidates) or len(self.as_of_us) != n:
            raise DataError(
                f"{n} requests with {len(self.as_of_us)} instants, {len(self.candidates)} candidates with "
                f"{len(self.index)} numbers of requests",
                where="rows",
                fix="give one instant a request and one request a candidate",
            )
        if self.without_us is not None and self.without_us.shape != (n, 2):
            raise DataError(
                f"windows of shape {self.without_us.shape} for {n} requests", where="rows", fix="give two instants each"
            )
        if len(self.index) and not (self.index.min() >= 0 and self.index.max() < n):
            raise DataError(f"a candidate is of none of the {n} requests", where="rows", fix="number requests from 0")

    @classmethod
    def impressions(cls, table: pl.DataFrame, as_of_us: Int64) -> DeclaredRows:
        """A log of single impressions: each is a request with one candidate."""
        return cls(table, table, np.arange(len(table)), as_of_us)

    @classmethod
    def cross_fitted(cls, table: pl.DataFrame, at_us: Int64, *, end_us: int, window_us: int = DAY_US) -> DeclaredRows:
        """A log of single impressions as of its end, each without the window of time that it lies in.

        Args:
            table: the impressions.
            at_us: int64 ``(N,)``, when each was, before ``end_us``.
            end_us: where the log is frozen.
            window_us: how long a window is; they are counted back from the end.

        Raises:
            DataError: an impression is not before the end.
        """
        at = np.asarray(at_us, dtype=np.int64)
        if len(at) and at.max() >= end_us:
            raise DataError(
                "an impression is not before the log's end", where="rows", fix="cross-fit the log's own rows only"
            )
        until = end_us - (end_us - 1 - at) // window_us * window_us
        return cls(
            table, table, np.arange(len(table)), np.full(len(at), end_us), np.stack([until - window_us, until], axis=1)
        )

    def table(self, declaration: Declaration, columns: tuple[str, ...]) -> pl.DataFrame:
        """R rows where all columns are the request's, else N rows."""
        if declaration.of_request(columns):
            return self.requests
        mine = [name for name in columns if name in declaration.request]
        if not mine:
            return self.candidates
        theirs = [name for name in columns if name not in declaration.request]
        return self.candidates.select(theirs).hstack(self.requests.select(mine)[self.index])

    def keys(self, declaration: Declaration, columns: tuple[str, ...]) -> Int64:
        """Keys of a column, or of the cross of several: int64 ``(R,)`` or ``(N,)``, -1 where there is none."""
        table = self.table(declaration, columns)
        key, *others = (column_keys(table_column(table, name, where="rows"), where="rows") for name in columns)
        for other in others:
            key = pair_keys(key, other)
        return key

    def numbers(self, declaration: Declaration, column: str) -> Float64:
        """Float64 ``(R,)`` or ``(N,)``, NaN where there is none."""
        return numbers(table_column(self.table(declaration, (column,)), column, where="rows"), where="rows")

    def lists(self, declaration: Declaration, column: str) -> tuple[Int64, Int64]:
        """Keys of all lists' ids one after another, and the length of each list."""
        lists = table_column(self.table(declaration, (column,)), column, where="rows")
        if not isinstance(lists.dtype, pl.List):
            raise DataError(f"{column!r} holds {lists.dtype}, not lists", where="rows", fix="give a list of ids a row")
        length = lists.list.len().fill_null(0).cast(pl.Int64)
        held = lists.filter(length > 0)
        return column_keys(held.explode(), where="rows"), length.to_numpy()

    def texts(self, declaration: Declaration, column: str) -> list[str]:
        """One a row, "" where there is none."""
        texts = table_column(self.table(declaration, (column,)), column, where="rows")
        if texts.dtype not in {pl.String, pl.Categorical, pl.Enum, pl.Null}:
            raise DataError(f"{column!r} holds {texts.dtype}, not texts", where="rows", fix="give a text a row")
        return texts.cast(pl.String).fill_null("").to_list()

    def counted_keys(
        self, declaration: Declaration, columns: tuple[str, ...]
    ) -> tuple[Mapping[str, Int64], Mapping[str, Int64]]:
        """Of single columns: those of the request by name, ``(R,)`` each, and all of them, ``(N,)`` each."""
        mine = {name: self.keys(declaration, (name,)) for name in columns if name in declaration.request}
        every = {name: mine[name][self.index] if name in mine else self.keys(declaration, (name,)) for name in columns}
        return mine, every
