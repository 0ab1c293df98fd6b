"""A small catalogue for the simulator, and a small feed read in four ways."""

from __future__ import annotations

import numpy as np
import polars as pl

from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.simulation.examination import Examination
from shortlist.simulation.feed_world import FeedWorld
from shortlist.simulation.log_shape import LogShape

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


FEED_SHAPE = LogShape.invent(base_rate=0.3, places=3, n_items=60)
_CURVE = np.array([1.0, 0.6, 0.4])
FEED_READERS = [
    Examination.position_based(_CURVE),
    Examination.cascade(3),
    Examination.dynamic(3),
    Examination.trust_bias(_CURVE, np.array([0.95, 0.9, 0.85]), np.array([0.15, 0.1, 0.05])),
]


def small_feed(readers=FEED_READERS[0], *, rng=1, **changes):
    """Four contexts with five candidates each, three of which are shown."""
    return FeedWorld.draw(FEED_SHAPE, readers, groups=2, intents=2, candidates=5, rng=rng, **changes)
