"""The items of one release: catalogue keys to dense rows and back, and the facts that pages show.

A *row* numbers the items of one release, from 1; row 0 is the unknown item. Rows index embeddings and never reach a
log or an answer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.core.errors import NotFound
from shortlist.datasets.dataset import ITEMS
from shortlist.features.row_kernel import find_rows

__all__ = ["UNKNOWN_ROW", "Catalogue"]

UNKNOWN_ROW = 0


class Catalogue:
    """The items of one release, and behind them those that were added since.

    Args:
        items: a table in the schema ``ITEMS``; row ``r`` of the release is its line ``r - 1``.
        base: the release's own catalogue, whose items come first; without it these are the release's items.

    Attributes:
        base: the catalogue that the release's models were trained with; itself, where nothing was added.
        item: int64 ``(V + 1,)``, the catalogue key of each row, -1 at row 0.
        categories: the names of the release's categories, sorted, ``C`` of them; of an added item, others have no
            column.
        category_matrix: float32 ``(V + 1, C)``, 1 where an item is of a category.
    """

    def __init__(self, items: pl.DataFrame, *, base: Catalogue | None = None) -> None:
        self.base: Catalogue = base or self
        self.table = items.select([pl.col(name).cast(kind) for name, kind in ITEMS.items()])
        self.item: Int64 = np.concatenate([[-1], self.table["item"].to_numpy()]).astype(np.int64)
        self._order = np.argsort(self.item, kind="stable")
        self._sorted = self.item[self._order]
        self.titles: tuple[str, ...] = ("", *self.table["title"].fill_null("").to_list())
        lists = self.table["categories"].fill_null([]).to_list()
        self.categories: tuple[str, ...] = (
            tuple(sorted({name for names in lists for name in names})) if base is None else base.categories
        )
        place = {name: c for c, name in enumerate(self.categories)}
        self.category_matrix: Float32 = np.zeros((len(self), len(self.categories)), dtype=np.float32)
        for row, names in enumerate(lists, start=1):
            self.category_matrix[row, [place[name] for name in names if name in place]] = 1.0

    def __len__(self) -> int:
        """Rows, the unknown one included."""
        return len(self.item)

    @property
    def added(self) -> pl.DataFrame:
        """The items behind the release's own, schema ``ITEMS``."""
        return self.table.slice(len(self.base) - 1)

    def extended(self, items: pl.DataFrame) -> Catalogue:
        """This catalogue with more items behind; rows and categories of the release stay what they are.

        Args:
            items: a table in the schema ``ITEMS``; those that are here already are left out.

        Example:
            >>> from shortlist.testing import tiny_items
            >>> items = tiny_items()
            >>> longer = Catalogue(items.head(3)).extended(items)
            >>> len(longer.base), len(longer), longer.added["item"].to_list(), longer.categories
            (4, 5, [13], ('kitchen', 'light'))
        """
        new = items.filter(pl.Series(self.rows(items["item"].to_numpy()) == UNKNOWN_ROW))
        if not len(new):
            return self
        return Catalogue(
            pl.concat([self.table, new.select(self.table.columns).cast(self.table.schema)]), base=self.base
        )

    def rows(self, item: Array) -> Int64:
        """The row of each catalogue key, int64 of ``item``'s shape; 0 for keys this release does not know.

        Example:
            >>> from shortlist.testing import tiny_items
            >>> Catalogue(tiny_items()).rows(np.array([12, 99, 10])).tolist()
            [3, 0, 1]
        """
        wanted = np.ascontiguousarray(item, dtype=np.int64)
        found: Int64 = find_rows(self._sorted, self._order, wanted.ravel())
        return found.reshape(wanted.shape)

    def title(self, item: int) -> str:
        """The title of a catalogue key; empty where it is not known."""
        return self.titles[int(self.rows(np.array([item]))[0])]

    def facts(self, item: int) -> dict[str, object]:
        """Everything the catalogue holds about one item.

        Raises:
            NotFound: this release does not know it.
        """
        row = int(self.rows(np.array([item]))[0])
        if row == UNKNOWN_ROW:
            raise NotFound(
                f"there is no item {item} in the catalogue", where="item", fix="ask for one that a page showed"
            )
        return self.table.row(row - 1, named=True)

    def save(self, path: Path) -> None:
        """Write the table as Parquet."""
        self.table.write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read what ``save`` wrote."""
        return cls(pl.read_parquet(path))
