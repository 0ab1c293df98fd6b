"""``Dataset``: the one schema that every reader returns and that everything else starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

__all__ = ["INTERACTIONS", "ITEMS", "JUDGEMENTS", "USERS", "Dataset"]

ITEMS: dict[str, pl.DataType] = {
    "item": pl.Int64(),
    "external_id": pl.String(),
    "title": pl.String(),
    "description": pl.String(),
    "categories": pl.List(pl.String()),
    "brand": pl.String(),
    "price_micros": pl.Int64(),
    "released_us": pl.Int64(),
}
"""One row an item. ``item`` is the catalogue key; empty text and empty lists where nothing is known, null numbers."""

USERS: dict[str, pl.DataType] = {"user": pl.Int64(), "external_id": pl.String()}
"""One row a user; a reader may add columns of its own behind these."""

INTERACTIONS: dict[str, pl.DataType] = {
    "user": pl.Int64(),
    "item": pl.Int64(),
    "at_us": pl.Int64(),
    "value": pl.Float32(),
    "positive": pl.Boolean(),
}
"""One row a user met an item, by time. ``value`` in the source's own unit (stars, seconds); ``positive`` as the data
set's ``positive_means`` says. Where ``has_impressions``, rows that are not positive were shown and not taken up."""

JUDGEMENTS: dict[str, pl.DataType] = {"query": pl.String(), "item": pl.Int64(), "grade": pl.Int32()}
"""One row a graded pair; grade 0 is irrelevant."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Tables in the one schema.

    Attributes:
        name: "movielens", "kuairand", "icecat" or the folder's name.
        kind: "ratings" (people chose what to rate), "impressions" (shown, then taken up or not), "catalogue" (no
            users).
        positive_means: what a positive is, in words for people.
        licence: who made it and what its terms are, in words for people.
    """

    name: str
    kind: Literal["ratings", "impressions", "catalogue"]
    items: pl.DataFrame
    users: pl.DataFrame
    interactions: pl.DataFrame
    judgements: pl.DataFrame
    positive_means: str
    licence: str

    @property
    def has_impressions(self) -> bool:
        """Does a row that is not positive mean "was shown"?"""
        return self.kind == "impressions"
