"""A small catalogue for the simulator."""

from __future__ import annotations

import polars as pl

from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset

COLOURS = ["red", "blue", "green", "white", "black", "amber"]
THINGS = ["kettle", "lamp", "chair", "clock", "mirror"]


def shop(*, brands=False):
    """Thirty items of five categories, as a data set without users."""
    rows = [
        (n, str(n), f"{colour} {thing} {n}", "", [thing + "s"], f"maker {n % 2}" if brands else "", None, None)
        for n, (colour, thing) in enumerate(((c, t) for c in COLOURS for t in THINGS), start=100)
    ]
    return Dataset(
        name="shop",
        kind="catalogue",
        items=pl.DataFrame(rows, schema=ITEMS, orient="row"),
        users=pl.DataFrame(schema=USERS),
        interactions=pl.DataFrame(schema=INTERACTIONS),
        judgements=pl.DataFrame(schema=JUDGEMENTS),
        positive_means="",
        licence="made for a test",
    )
