"""``AddedItems``: items that arrived after a release was trained. They live beside it, for a release never changes.

A restart reads them again, and so does the next release, which leaves out those that it was trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl
import sqlalchemy as sa

from shortlist.core.errors import InvalidRequest, NotFound
from shortlist.datasets.dataset import ITEMS
from shortlist.events.database import open_database

__all__ = ["ADDED_AT_MOST", "ADDED_ITEMS_FILE", "AddedItems", "NewItem", "new_items"]

ADDED_AT_MOST = 10_000
"""Items beside a release; more are for the next release, whose sources count and factorize them as well."""

ADDED_ITEMS_FILE = "items.sqlite"
"""In the state folder."""

_TABLES = sa.MetaData()
_ADDED = sa.Table(
    "added_items",
    _TABLES,
    sa.Column("item", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("document", sa.LargeBinary, nullable=False, comment="JSON of NewItem"),
    sa.Column("added_us", sa.BigInteger, nullable=False),
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Micros = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class NewItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item as its owner describes it; the columns of the table ``items``.

    Attributes:
        item: catalogue key, one that no item has.
        title: what it is called.
        description: text for search.
        categories: their names; those that the release does not know serve search alone.
        brand: who makes it.
        price_micros: null where it has none.
        released_us: when it appeared, microseconds UTC; the moment it is added, where it is null.
        external_id: the owner's own id; the key as text where it is empty.
    """

    item: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000, pattern=r"\S")]
    description: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    categories: Annotated[tuple[Name, ...], msgspec.Meta(max_length=50)] = ()
    brand: Annotated[str, msgspec.Meta(max_length=200)] = ""
    price_micros: Micros | None = None
    released_us: Micros | None = None
    external_id: Annotated[str, msgspec.Meta(max_length=200)] = ""


class AddedItems:
    """Keeps items beside a release. What ``add`` returned for is on the disk.

    Args:
        database: opened by ``open``.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._database = database

    @classmethod
    def open(cls, state_dir: Path) -> AddedItems:
        """The added items of a state folder.

        Raises:
            DataError: the file cannot be opened or is no database.
        """
        return cls(open_database(state_dir / ADDED_ITEMS_FILE, _TABLES))

    def close(self) -> None:
        """Close the file."""
        self._database.dispose()

    def add(self, items: Sequence[NewItem], at_us: int) -> tuple[int, ...]:
        """Keep items, all of them or none. One that is kept already, word for word, changes nothing.

        Whether the release has an item of the same key, its caller must ask the release.

        Args:
            items: with keys of their own.
            at_us: now, microseconds UTC.

        Returns:
            The keys that are new.

        Raises:
            InvalidRequest: a key is there twice or belongs to another item, or there would be too many.
        """
        with self._database.connect().execution_options(writes=True) as connection, connection.begin():
            held = {
                item: msgspec.json.decode(document, type=NewItem)
                for item, document in connection.execute(sa.select(_ADDED.c.item, _ADDED.c.document))
            }
            new: dict[int, NewItem] = {}
            for number, item in enumerate(items):
                known = held.get(item.item)
                if item.item in new or (known is not None and _described(known) != _described(item)):
                    raise InvalidRequest(
                        f"there is an item {item.item} already",
                        where=f"items[{number}].item",
                        fix="choose a key that is not taken, or take the other item out first",
                    )
                if known is None:
                    new[item.item] = item
            if len(held) + len(new) > ADDED_AT_MOST:
                raise InvalidRequest(
                    f"{len(held)} items were added since the release; with these it would be {len(held) + len(new)}",
                    where="items",
                    fix=f"train a release that knows them; at most {ADDED_AT_MOST} stand beside one",
                )
            if new:
                rows = [
                    {"item": key, "document": msgspec.json.encode(item), "added_us": at_us} for key, item in new.items()
                ]
                connection.execute(sa.insert(_ADDED), rows)
        return tuple(new)

    def remove(self, items: Sequence[int]) -> None:
        """Take items out again.

        Raises:
            NotFound: one of them was not added.
        """
        with self._database.connect().execution_options(writes=True) as connection, connection.begin():
            for item in items:
                if not connection.execute(sa.delete(_ADDED).where(_ADDED.c.item == item)).rowcount:
                    raise NotFound(f"no item {item} was added", where="item", fix="name one that was")

    def table(self) -> pl.DataFrame:
        """All added items in the schema ``ITEMS``, by key."""
        query = sa.select(_ADDED.c.document, _ADDED.c.added_us).order_by(_ADDED.c.item)
        with self._database.connect() as connection:
            rows = [(msgspec.json.decode(document, type=NewItem), at) for document, at in connection.execute(query)]
        return pl.DataFrame([_line(item, at_us) for item, at_us in rows], schema=ITEMS)


def new_items(table: pl.DataFrame) -> list[NewItem]:
    """The lines of a table in the schema ``ITEMS``.

    Raises:
        InvalidRequest: a line is not as ``NewItem`` says; it is named.

    Example:
        >>> from shortlist.testing import tiny_items
        >>> new_items(tiny_items())[3].categories
        ('light', 'office')
    """
    found = []
    for number, line in enumerate(table.select(list(ITEMS)).iter_rows(named=True)):
        given = {name: value for name, value in line.items() if value is not None}
        try:
            found.append(msgspec.convert(given, NewItem))
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                str(error), where=f"table items, row {number + 1}", fix="mend the line, or drop it"
            ) from None
    return found


def _described(item: NewItem) -> NewItem:
    """What its owner said, whether the id was spelt out or not."""
    return msgspec.structs.replace(item, external_id=item.external_id or str(item.item))


def _line(item: NewItem, added_us: int) -> dict[str, object]:
    line = msgspec.structs.asdict(_described(item))
    line["categories"] = list(item.categories)
    line["released_us"] = added_us if item.released_us is None else item.released_us
    return line
