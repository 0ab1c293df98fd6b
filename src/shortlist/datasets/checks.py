"""Reads columns of tables that somebody else made; what is wrong is named by table, column, row, line and cure."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import polars as pl

from shortlist.core.errors import DataError
from shortlist.core.money import MICROS

__all__ = ["Table"]

_INT64_MAX = 2**63 - 1
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_WHOLE = r"^\s*[+-]?\d+\s*$"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as it was given.

    Attributes:
        name: "items", "users", "interactions", "impressions" or "judgements".
        frame: its rows; every column is text where it came from CSV.
        file: where it came from; None for a frame in memory.
    """

    name: str
    frame: pl.DataFrame
    file: Path | None = None

    def __contains__(self, column: object) -> bool:
        return column in self.frame.columns

    def need(self, required: Collection[str], optional: Collection[str]) -> None:
        """Refuse the table where a required column is missing, or a name is nearly that of one that is known.

        Raises:
            DataError: see there.
        """
        known = [*required, *optional]
        spare = [column for column in self.frame.columns if column not in known]
        for column in required:
            if column not in self:
                near = difflib.get_close_matches(column, spare, n=1, cutoff=0.5)
                fix = f"rename {near[0]!r} to {column!r}" if near else f"add it; there are {self.frame.columns}"
                raise DataError(f"the column {column!r} is missing", where=self._where(), fix=fix)
        for column in spare:
            near = difflib.get_close_matches(column, [c for c in optional if c not in self], n=1, cutoff=0.8)
            if near:
                raise DataError(
                    f"there is no column {column!r} in the schema",
                    where=self._where(),
                    fix=f"rename it to {near[0]!r}, or to something less like it",
                )

    def some(self) -> None:
        """Refuse a table without rows.

        Raises:
            DataError: there are none.
        """
        if not len(self.frame):
            raise DataError(
                "the table has no rows", where=self._where(), fix="add some, below the names of the columns"
            )

    def ids(self, column: str) -> pl.Series:
        """Ids, whole numbers or text, as text; none is missing.

        Raises:
            DataError: an id is missing or empty, is a number with a fraction, or is negative.
        """
        given = self.frame[column]
        if not (given.dtype.is_integer() or given.dtype == pl.String):
            self._fail(column, None, f"the ids are {given.dtype}", "give whole numbers or text")
        if given.dtype.is_integer():
            self._refuse(column, (given < 0).fill_null(value=False), "the id {} is negative", "number from 0 upward")
        text = given.cast(pl.String).str.strip_chars()
        self._refuse(column, text.is_null() | (text == ""), "the id is missing", "give every row one, or drop the row")
        return text

    def unique(self, column: str, values: pl.Series) -> None:
        """Refuse values that come twice.

        Raises:
            DataError: it names the second row and the first.
        """
        again = ~values.is_first_distinct()
        if again.any():
            row = int(again.arg_true()[0])
            first = int((values == values[row]).arg_true()[0])
            self._fail(column, row, f"{values[row]!r} was there before, in row {first + 1}", "keep one of the two rows")

    def known(self, column: str, values: pl.Series, among: pl.Series, table: str) -> None:
        """Refuse values that another table does not hold.

        Raises:
            DataError: it names the first such row.
        """
        self._refuse(
            column,
            ~values.is_in(among.implode()),
            f"{{!r}} is not among the {table}",
            f"add it to {table}, or drop the row",
            values=values,
        )

    def text(self, column: str) -> pl.Series:
        """Text, empty where there is none or the column is missing.

        Raises:
            DataError: the column holds something that is no text and no number.
        """
        if column not in self:
            return pl.repeat("", self.frame.height, dtype=pl.String(), eager=True)
        given = self.frame[column]
        if given.dtype.is_nested():
            self._fail(column, None, f"the column holds {given.dtype}", "give text")
        return given.cast(pl.String).fill_null("")

    def names(self, column: str) -> pl.Series:
        """Lists of names: a list column, or text with ``|`` between the names; empty where there are none."""
        if column in self and self.frame[column].dtype == pl.List(pl.String):
            lists = self.frame[column]
        else:
            lists = self.text(column).str.split("|")
        name = pl.element().str.strip_chars()
        tidy = lists.alias("names").list.eval(name.filter(name != "")).to_frame()
        return tidy.select(pl.col("names").fill_null(pl.lit([], dtype=pl.List(pl.String)))).to_series()

    def whole(self, column: str, *, low: int = 0, high: int = _INT64_MAX, required: bool = True) -> pl.Series:
        """Whole numbers of 64 bits; null only where they are not required.

        Raises:
            DataError: a value is missing, has a fraction, does not fit, is outside ``[low, high]``, or is no number.
        """
        given = self.frame[column]
        self._refuse_text_or(column, numeric=given.dtype.is_numeric() or given.dtype in {pl.Boolean, pl.Null})
        if given.dtype.is_float():
            self._refuse(column, given.is_nan().fill_null(value=False), "the value is NaN", "give a whole number")
        value = given.str.strip_chars().cast(pl.Int64, strict=False) if given.dtype == pl.String else given
        value = value.cast(pl.Int64, strict=False)
        bad = value.is_null() & given.is_not_null()
        if given.dtype.is_float():
            bad |= (given != given.round()).fill_null(value=False)
        if bad.any():
            row = int(bad.arg_true()[0])
            large = given.cast(pl.String).str.contains(_WHOLE)[row] or (
                given.dtype.is_float() and abs(given[row]) > _INT64_MAX
            )
            what = f"{given[row]} does not fit into 64 bits" if large else f"{given[row]!r} is not a whole number"
            self._fail(column, row, what, "give a whole number of at most 64 bits")
        if required:
            self._refuse(column, value.is_null(), "the value is missing", "give every row one, or drop the row")
        self._refuse(column, (value < low).fill_null(value=False), f"{{}} is less than {low}", f"give {low} or more")
        self._refuse(column, (value > high).fill_null(value=False), f"{{}} is more than {high}", f"give {high} or less")
        return value

    def number(self, column: str, *, required: bool = True) -> pl.Series:
        """Finite numbers; null only where they are not required.

        Raises:
            DataError: a value is missing, NaN or infinite, or is no number.
        """
        given = self.frame[column]
        self._refuse_text_or(column, numeric=given.dtype.is_numeric() or given.dtype == pl.Null)
        value = given.cast(pl.Float64, strict=False)
        self._refuse(column, value.is_null() & given.is_not_null(), "{!r} is not a number", "give a number")
        if required:
            self._refuse(column, value.is_null(), "the value is missing", "give every row one, or drop the row")
        self._refuse(
            column,
            ~value.is_finite().fill_null(value=True),
            "the value is {}",
            "give a number, or leave it empty where the column may be empty",
        )
        return value

    def flag(self, column: str) -> pl.Series:
        """True or false: booleans, 0 and 1, or the words true, false, yes and no.

        Raises:
            DataError: a value is missing or is none of these.
        """
        given = self.frame[column]
        words = given.cast(pl.String).str.strip_chars().str.to_lowercase()
        value = words.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
        self._refuse(column, value.is_null(), "{!r} is neither true nor false", "give true or false, or 1 or 0")
        return value

    def instants(self, micros: str, readable: str, *, required: bool = True) -> pl.Series:
        """Microseconds since 1970: the column ``micros``, or ``readable`` as a date, a time, or ISO 8601 text.

        A time without a zone is taken to be UTC.

        Raises:
            DataError: a value is missing, before 1970, or no time.
        """
        if micros in self:
            return self.whole(micros, required=required)
        given = self.frame[readable]
        if given.dtype == pl.String:
            value = pl.Series(readable, [_iso_us(text) for text in given.to_list()], dtype=pl.Int64)
        elif given.dtype.is_temporal() and given.dtype not in {pl.Time, pl.Duration}:
            value = given.cast(pl.Datetime("us")).dt.epoch("us")
        else:
            self._fail(
                readable,
                None,
                f"the column holds {given.dtype}",
                f"give dates or ISO 8601 text, or microseconds since 1970 in a column {micros!r}",
            )
        bad = value.is_null() & given.is_not_null() if not required else value.is_null()
        self._refuse(readable, bad, "{!r} is not a time", "give ISO 8601 text such as 2026-11-24T08:00:00Z")
        self._refuse(readable, (value < 0).fill_null(value=False), "{!r} is before 1970", "give a later time")
        return value

    def money(self, micros: str, amount: str) -> pl.Series:
        """Micros: the column ``micros``, or ``amount`` in currency units; null where neither says.

        Raises:
            DataError: a value is negative, does not fit, or is no number.
        """
        if micros in self:
            return self.whole(micros, required=False)
        if amount not in self:
            return pl.repeat(None, self.frame.height, dtype=pl.Int64(), eager=True)
        value = self.number(amount, required=False)
        out = ((value < 0) | (value > _INT64_MAX // MICROS - 1)).fill_null(value=False)
        self._refuse(amount, out, "{} is no price", "give 0 or more, in currency units")
        return (value * MICROS).round().cast(pl.Int64)

    def _refuse_text_or(self, column: str, *, numeric: bool) -> None:
        given = self.frame[column]
        if not numeric and given.dtype != pl.String:
            self._fail(column, None, f"the column holds {given.dtype}", "give numbers")

    def _refuse(self, column: str, bad: pl.Series, what: str, fix: str, *, values: pl.Series | None = None) -> None:
        if bad.any():
            row = int(bad.arg_true()[0])
            shown = (self.frame[column] if values is None else values)[row]
            self._fail(column, row, what.format(shown), fix)

    def _fail(self, column: str, row: int | None, what: str, fix: str) -> NoReturn:
        raise DataError(what, where=self._where(column, row), fix=fix)

    def _where(self, column: str = "", row: int | None = None) -> str:
        parts = [f"table {self.name}"]
        if column:
            parts.append(f"column {column!r}")
        if row is not None:
            parts.append(f"row {row + 1}")
        if self.file is not None:
            line = self._line(row)
            parts.append(f"line {line} of {self.file}" if line else str(self.file))
        return ", ".join(parts)

    def _line(self, row: int | None) -> int | None:
        """The line of a text file in which a row begins, from 1; quoted fields may hold line breaks."""
        if row is None or self.file is None or self.file.suffix == ".parquet":
            return None
        if self.file.suffix == ".jsonl":
            return row + 1
        before = self.frame.head(row).select(pl.col(pl.String).str.count_matches("\n", literal=True).fill_null(0).sum())
        return row + 2 + sum(before.row(0)) if before.width else row + 2


def _iso_us(text: str | None) -> int | None:
    """Microseconds since 1970 of ISO 8601 text; None where it is none."""
    try:
        at = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
