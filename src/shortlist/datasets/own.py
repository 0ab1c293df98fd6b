"""Your own tables: from files in a folder or from frames in memory, checked, to the one schema.

================  ===================================================  ================================================
table             required columns                                     optional columns
================  ===================================================  ================================================
``items``         ``item``, ``title``                                  ``description``, ``categories`` (a list, or text
                                                                       with ``|`` between), ``brand``, ``price`` or
                                                                       ``price_micros``, ``released`` or ``released_us``
``interactions``  ``user``, ``item``, ``at`` or ``at_us``              ``value``, ``positive`` (all rows, without it)
``impressions``   ``user``, ``item``, ``at`` or ``at_us``,             ``value``
                  ``positive``
``users``         ``user``                                             any of your own
``judgements``    ``query``, ``item``, ``grade``
================  ===================================================  ================================================

Give ``interactions`` where people chose what to meet, ``impressions`` where rows are what they were shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame

from shortlist.core.errors import DataError
from shortlist.datasets.checks import Table
from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.datasets.keys import KEYS_FILE, Keys

__all__ = ["from_frames", "read_folder", "read_items"]

_TABLES = ("items", "interactions", "impressions", "users", "judgements")
_HIGHEST_GRADE = 1_000
_LICENCE = "your own data"


def read_folder(folder: Path) -> Dataset:
    """Read ``items``, and what else there is of the tables above, as ``.parquet``, ``.csv`` or ``.jsonl``.

    Text ids get catalogue keys, which are kept in ``keys.json`` in the folder.

    Raises:
        DataError: a table is missing, is there twice, or is not as it should be.
    """
    tables = {}
    for name in _TABLES:
        found = [path for kind in (".parquet", ".csv", ".jsonl") if (path := folder / f"{name}{kind}").is_file()]
        if len(found) > 1:
            raise DataError(
                f"the table {name} is there {len(found)} times: {', '.join(path.name for path in found)}",
                where=str(folder),
                fix="keep one of them",
            )
        if found:
            tables[name] = Table(name, _read(found[0]), found[0])
    return _assemble(tables, name=folder.resolve().name, keys=Keys(folder / KEYS_FILE), where=str(folder))


def read_items(file: Path) -> pl.DataFrame:
    """Read a table of items, ``.parquet``, ``.csv`` or ``.jsonl``, in the columns above.

    Text ids get the keys of ``keys.json`` beside the file, so that an item has one key wherever it is named.

    Returns:
        The table in the schema ``ITEMS``.

    Raises:
        DataError: the file cannot be read, or the table is not as it should be.
    """
    if file.suffix not in {".parquet", ".csv", ".jsonl"} or not file.is_file():
        raise DataError("there is no such table", where=str(file), fix="name a .parquet, .csv or .jsonl file")
    keys = Keys(file.parent / KEYS_FILE)
    items = _items(Table("items", _read(file), file), keys)
    keys.save()
    return items


def from_frames(
    *,
    items: IntoDataFrame,
    interactions: IntoDataFrame | None = None,
    impressions: IntoDataFrame | None = None,
    users: IntoDataFrame | None = None,
    judgements: IntoDataFrame | None = None,
    name: str = "frames",
    keys: Path | None = None,
) -> Dataset:
    """A data set out of pandas, polars or pyarrow frames, in the columns above.

    Args:
        items: the items.
        interactions: what people chose; not together with ``impressions``.
        impressions: what people were shown.
        users: the users, if anything is known about them.
        judgements: graded pairs of query and item.
        name: what to call it.
        keys: the file in which the keys of text ids are kept; without it they hold for this data set only.

    Raises:
        DataError: a table is not as it should be.

    Example:
        >>> items = pl.DataFrame({"item": ["kettle-1"], "title": ["Red Kettle"], "price": [19.5]})
        >>> from_frames(items=items).items.select("item", "external_id", "price_micros").row(0)
        (1, 'kettle-1', 19500000)
    """
    given = dict(zip(_TABLES, (items, interactions, impressions, users, judgements), strict=True))
    tables = {
        table: Table(table, nw.from_native(frame, eager_only=True).to_polars())
        for table, frame in given.items()
        if frame is not None
    }
    return _assemble(tables, name=name, keys=Keys(keys), where="from_frames")


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema=False)
        return pl.read_ndjson(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(
            f"the file cannot be read as {path.suffix[1:]}: {first}", where=str(path), fix="mend what it names"
        ) from None


def _assemble(tables: Mapping[str, Table], *, name: str, keys: Keys, where: str) -> Dataset:
    if "items" not in tables:
        raise DataError("there is no table of items", where=where, fix="add items.parquet, items.csv or items.jsonl")
    if "interactions" in tables and "impressions" in tables:
        raise DataError(
            "there are both interactions and impressions",
            where=where,
            fix="keep impressions if your rows are what was shown, interactions if they are what people chose",
        )
    items = _items(tables["items"], keys)
    met = tables.get("interactions", tables.get("impressions"))
    interactions = pl.DataFrame(schema=INTERACTIONS)
    users = pl.DataFrame(schema=USERS)
    if met is not None:
        met.need(_required(met), ("at_us", "at", "value", "positive"))
        users = _users(tables.get("users"), met.ids("user"), keys)
        interactions = _interactions(met, items, users)
    elif "users" in tables:
        users = _users(tables["users"], pl.Series([], dtype=pl.String), keys)
    judgements = _judgements(tables["judgements"], items) if "judgements" in tables else pl.DataFrame(schema=JUDGEMENTS)
    keys.save()
    kind: Literal["ratings", "impressions", "catalogue"] = (
        "catalogue" if met is None else "impressions" if met.name == "impressions" else "ratings"
    )
    return Dataset(
        name=name,
        kind=kind,
        items=items,
        users=users,
        interactions=interactions,
        judgements=judgements,
        positive_means=_positive_means(met),
        licence=_LICENCE,
    )


def _required(met: Table) -> tuple[str, ...]:
    time = "at" if "at" in met and "at_us" not in met else "at_us"
    if met.name == "impressions" or "value" in met:
        # A bare value does not say which values are good ones.
        return ("user", "item", time, "positive")
    return ("user", "item", time)


def _positive_means(met: Table | None) -> str:
    if met is None:
        return "none: this data set has no users"
    return f"'positive' in your {met.name}" if "positive" in met else f"any row of your {met.name}"


def _items(table: Table, keys: Keys) -> pl.DataFrame:
    table.need(
        ("item", "title"), ("description", "categories", "brand", "price", "price_micros", "released", "released_us")
    )
    table.some()
    ids = table.ids("item")
    table.unique("item", ids)
    no_time = "released" not in table and "released_us" not in table
    return pl.DataFrame(
        {
            "item": keys.of("items", ids),
            "external_id": ids,
            "title": table.text("title"),
            "description": table.text("description"),
            "categories": table.names("categories"),
            "brand": table.text("brand"),
            "price_micros": table.money("price_micros", "price"),
            "released_us": None if no_time else table.instants("released_us", "released", required=False),
        },
        schema=ITEMS,
    )


def _users(table: Table | None, met: pl.Series, keys: Keys) -> pl.DataFrame:
    """The users of both tables; what the table of users says about them stands behind."""
    if table is None:
        ids = met.unique(maintain_order=True)
        return pl.DataFrame({"user": keys.of("users", ids), "external_id": ids}, schema=USERS)
    table.need(("user",), ())
    told = table.ids("user")
    table.unique("user", told)
    ids = pl.concat([told, met.alias("user")]).unique(maintain_order=True)
    own = table.frame.drop("user", "external_id", strict=False).with_columns(told.alias("external_id"))
    base = pl.DataFrame({"user": keys.of("users", ids), "external_id": ids}, schema=USERS)
    return base.join(own, on="external_id", how="left", maintain_order="left")


def _interactions(table: Table, items: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    external = table.ids("item")
    table.known("item", external, items["external_id"], "items")
    rows = pl.DataFrame(
        {
            "user": _translate(table.ids("user"), users, "user"),
            "item": _translate(external, items, "item"),
            "at_us": table.instants("at_us", "at"),
            "value": table.number("value") if "value" in table else pl.repeat(1.0, external.len(), eager=True),
            "positive": table.flag("positive")
            if "positive" in table
            else pl.repeat(value=True, n=external.len(), eager=True),
        }
    )
    return rows.cast(pl.Schema(INTERACTIONS)).sort("at_us", "user", "item", maintain_order=True)


def _judgements(table: Table, items: pl.DataFrame) -> pl.DataFrame:
    table.need(("query", "item", "grade"), ())
    external = table.ids("item")
    table.known("item", external, items["external_id"], "items")
    query = table.ids("query")
    table.unique("query", pl.select(pl.concat_str(query, pl.lit(" for item "), external)).to_series())
    item = _translate(external, items, "item")
    return pl.DataFrame(
        {"query": query, "item": item, "grade": table.whole("grade", high=_HIGHEST_GRADE).cast(JUDGEMENTS["grade"])}
    )


def _translate(external: pl.Series, table: pl.DataFrame, key: str) -> pl.Series:
    return external.replace_strict(table["external_id"], table[key], return_dtype=pl.Int64)
