"""Tiny worlds whose right answers are obvious, for examples and tests."""

from __future__ import annotations

import polars as pl

from shortlist.datasets.dataset import INTERACTIONS, ITEMS

__all__ = ["tiny_interactions", "tiny_items"]


def tiny_items() -> pl.DataFrame:
    """Four items, 10 to 13, of two categories."""
    return pl.DataFrame(
        {
            "item": [10, 11, 12, 13],
            "external_id": ["10", "11", "12", "13"],
            "title": ["Red Kettle", "Blue Kettle", "Red Lamp", "Desk Lamp"],
            "description": ["", "", "", ""],
            "categories": [["kitchen"], ["kitchen"], ["light"], ["light", "office"]],
            "brand": ["Acme", "Acme", "Lux", "Lux"],
            "price_micros": [20_000_000, 22_000_000, 15_000_000, 30_000_000],
            "released_us": [0, 0, 0, 0],
        },
        schema=ITEMS,
    )


def tiny_interactions() -> pl.DataFrame:
    """A checkerboard: even users like even items, odd users like odd ones; item 13 is met by nobody but user 1."""
    rows = [
        (user, item, (user * 10 + n) * 1_000_000, 5.0, True)
        for user in range(8)
        for n, item in enumerate((10, 12) if user % 2 == 0 else (11, 13) if user == 1 else (11,))
    ]
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row")
