"""The log that the ad click model learns from: one row an ad that was shown."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from shortlist.core.errors import DataError

__all__ = ["AD_LOG", "checked_ad_log", "read_ad_log"]

AD_LOG: dict[str, pl.DataType] = {
    "request": pl.Int64(),
    "at_us": pl.Int64(),
    "query": pl.String(),
    "item": pl.Int64(),
    "campaign": pl.Int64(),
    "creative": pl.Int64(),
    "keyword": pl.Int64(),
    "match_type": pl.Int8(),
    "bid": pl.Int64(),
    "price": pl.Int64(),
    "slot": pl.Int64(),
    "selection_propensity": pl.Float64(),
    "click": pl.Boolean(),
    "simulated": pl.Boolean(),
}
"""Money in micros a click; ``slot`` from 1; ``selection_propensity`` = P(this ad at this slot | who won the auction and
the slots above); ``simulated`` where the click was drawn by a simulator."""


def read_ad_log(path: Path) -> pl.DataFrame:
    """The log of a Parquet file.

    Raises:
        DataError: the file is missing or is no Parquet, or a column is missing or of another type.
    """
    try:
        log = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"the ad log cannot be read: {error}", where=str(path), fix="write it again") from None
    return checked_ad_log(log, where=str(path))


def checked_ad_log(log: pl.DataFrame, *, where: str = "ad log") -> pl.DataFrame:
    """The log's columns as ``AD_LOG`` names them, further ones left out.

    Raises:
        DataError: a column is missing, holds another type or a null, a slot is below 1, or there are no rows.
    """
    for name, kind in AD_LOG.items():
        if name not in log.columns:
            raise DataError(f"column {name!r} is missing", where=where, fix=f"add it as {kind}")
        try:
            column = log[name].cast(kind)
        except pl.exceptions.PolarsError:
            raise DataError(f"column {name!r} is {log[name].dtype}", where=where, fix=f"write it as {kind}") from None
        if column.null_count():
            row = column.is_null().arg_max()
            raise DataError(f"column {name!r} is null at row {row}", where=where, fix="fill it or drop the row")
    if log.is_empty():
        raise DataError("there are no rows", where=where, fix="log at least one impression")
    if log["slot"].cast(pl.Int64).min() < 1:  # type: ignore[operator]
        row = (log["slot"] < 1).arg_max()
        raise DataError(f"column 'slot' is below 1 at row {row}", where=where, fix="number slots from 1")
    return log.select([pl.col(name).cast(kind) for name, kind in AD_LOG.items()])
