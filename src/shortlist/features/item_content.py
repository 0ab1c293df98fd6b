"""What is known of an item before anybody met it, as hashed tokens: title, brand, categories, date and price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import polars as pl

from shortlist.core.arrays import Ragged
from shortlist.core.money import MICROS
from shortlist.features.text import hashed, words

__all__ = ["content_strings", "content_tokens"]

_YEARS = (1, 5, 10)
"""Spans of release that an item is in, so that neighbours in time share a token though their years differ."""

_PAIRED = 6
"""Of an item's categories, pairs of the first so many are tokens of their own: 15 at most."""

_COLUMNS = ("title", "brand", "categories", "released_us", "price_micros")


def content_tokens(items: pl.DataFrame, buckets: int) -> Ragged:
    """Each item's tokens, one list a line of the table.

    The year, five years and decade of the release (``y1:``, ``y5:``, ``y10:``), the brand (``b:``), the categories
    (``c:``), pairs of the first six of them (``x:``), the power of two that the price is next to (``p:``), and words of
    the title (``t:``), in this order. What is missing gives no token. The same function serves training and an item
    that is added to a running server.

    Args:
        items: a table in the schema ``ITEMS``.
        buckets: tokens are hashed to 1 to ``buckets``.

    Example:
        >>> from shortlist.testing import tiny_items
        >>> content_tokens(tiny_items(), 8_192).lengths.tolist()
        [8, 8, 8, 10]
    """
    return Ragged.from_lists([hashed(tokens, buckets) for tokens in content_strings(items)])


def content_strings(items: pl.DataFrame) -> list[list[str]]:
    """The same tokens before they are hashed, for whoever wants to read them.

    Example:
        >>> from shortlist.testing import tiny_items
        >>> content_strings(tiny_items())[3][3:]
        ['b:Lux', 'c:light', 'c:office', 'x:light|office', 'p:5', 't:desk', 't:lamp']
    """
    return [list(_tokens(line)) for line in items.select(_COLUMNS).iter_rows()]


def _tokens(line: tuple[str | None, str | None, Sequence[str] | None, int | None, int | None]) -> Iterator[str]:
    title, brand, categories, released_us, price = line
    if released_us is not None:
        year = 1970 + int(np.datetime64(released_us, "us").astype("datetime64[Y]").astype(np.int64))
        yield from (f"y{span}:{year // span}" for span in _YEARS)
    if brand:
        yield f"b:{brand}"
    names = sorted(categories or ())
    yield from (f"c:{name}" for name in names)
    yield from (f"x:{a}|{b}" for a, b in combinations(names[:_PAIRED], 2))
    if price:
        yield f"p:{round(np.log2(price / MICROS))}"
    yield from (f"t:{word}" for word in words(title or ""))
