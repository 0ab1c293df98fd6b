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

__all__ = ["DeclaredRows"]


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredRows:
    """R requests and their N candidates.

    Attributes:
        requests: R rows with the columns of ``Declaration.request``.
        candidates: N rows with the other columns.
        index: int64 ``(N,)``, the request of each candidate.
        as_of_us: int64 ``(R,)``: what happened before this is known. A row learns what it will be served with if this
            is as far behind it in training as the log will be when it is served.

    Raises:
        DataError: the lengths do not go together, or an index names no request.
    """

    requests: pl.DataFrame
    candidates: pl.DataFrame
    index: Int64
    as_of_us: Int64

    def __post_init__(self) -> None:
        n = len(self.requests)
        if len(self.index) != len(self.candidates) or len(self.as_of_us) != n:
            raise DataError(
                f"{n} requests with {len(self.as_of_us)} instants, {len(self.candidates)} candidates with "
                f"{len(self.index)} numbers of requests",
                where="rows",
                fix="give one instant a request and one request a candidate",
            )
        if len(self.index) and not (self.index.min() >= 0 and self.index.max() < n):
            raise DataError(f"a candidate is of none of the {n} requests", where="rows", fix="number requests from 0")

    @classmethod
    def impressions(cls, table: pl.DataFrame, as_of_us: Int64) -> DeclaredRows:
        """A log of single impressions: each is a request with one candidate."""
        return cls(table, table, np.arange(len(table)), as_of_us)

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
