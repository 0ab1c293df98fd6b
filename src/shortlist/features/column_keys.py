"""Any column of ids as int64 keys, the same on every machine; -1 where there is none."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import DataError

__all__ = ["column_keys", "numbers", "table_column"]


def table_column(table: pl.DataFrame, name: str, *, where: str) -> pl.Series:
    """A column of a table.

    Raises:
        DataError: it is not there.
    """
    if name not in table.columns:
        raise DataError(f"the column {name!r} is missing", where=where, fix=f"it has {', '.join(table.columns)}")
    return table[name]


def numbers(column: pl.Series, *, where: str) -> Float64:
    """A column of numbers or of truth values as float64, NaN where it is null.

    Raises:
        DataError: it holds something else.
    """
    if not (column.dtype.is_numeric() or column.dtype in {pl.Boolean, pl.Null}):
        raise DataError(f"{column.name!r} holds {column.dtype}, not numbers", where=where, fix="give a numeric column")
    return column.cast(pl.Float64).to_numpy()


def column_keys(column: pl.Series, *, where: str) -> Int64:
    """Keys ``(N,)``: whole numbers from 0 are their own, texts are hashed to 63 bits, null and negative are -1.

    Of a million different texts, two share a key with a chance of 5e-8.

    Raises:
        DataError: the column holds neither whole numbers, truth values nor texts.

    Example:
        >>> column_keys(pl.Series([3, None, -2]), where="table").tolist()
        [3, -1, -1]
        >>> a, b, none = column_keys(pl.Series(["x", "y", None]), where="table").tolist()
        >>> a != b, none
        (True, -1)
    """
    if column.dtype.is_integer() or column.dtype in {pl.Boolean, pl.Null}:
        key: Int64 = column.cast(pl.Int64).fill_null(-1).to_numpy()
        return np.maximum(key, np.int64(-1))
    if column.dtype not in {pl.String, pl.Categorical, pl.Enum}:
        raise DataError(
            f"{column.name!r} holds {column.dtype}, which is no id", where=where, fix="give whole numbers or texts"
        )
    text = column.cast(pl.String)
    distinct = text.unique().drop_nulls().sort()
    known = np.array([_text_key(one) for one in distinct.to_list()], dtype=np.int64)
    if not len(known):
        return np.full(len(column), -1, dtype=np.int64)
    place = distinct.search_sorted(text.fill_null(distinct[0])).to_numpy()
    return np.where(text.is_null().to_numpy(), -1, known[place])


def _text_key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
