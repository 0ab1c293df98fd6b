"""A small made-up world in which what people like is plain: one genre each."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl

from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset

N_ITEMS, N_USERS, PER_USER = 60, 150, 40
GENRES = ("crime", "comedy", "war")


def items():
    return pl.DataFrame(
        {
            "item": np.arange(1, N_ITEMS + 1),
            "external_id": [str(i) for i in range(N_ITEMS)],
            "title": [f"{GENRES[i % 3]} story {i}" for i in range(N_ITEMS)],
            "description": [""] * N_ITEMS,
            "categories": [[GENRES[i % 3]] for i in range(N_ITEMS)],
            "brand": [""] * N_ITEMS,
            "price_micros": [None] * N_ITEMS,
            "released_us": [0] * N_ITEMS,
        },
        schema=ITEMS,
    )


def interactions(seed=0):
    """Each user likes one genre; popular items come more often; users arrive one after the other."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(N_USERS):
        taste = int(rng.integers(3))
        weight = np.where(np.arange(N_ITEMS) % 3 == taste, 3.0, 1.0) / (1 + np.arange(N_ITEMS) // 3)
        met = rng.choice(N_ITEMS, PER_USER, replace=False, p=weight / weight.sum())
        for n, item in enumerate(met):
            liked = bool(rng.random() < (0.9 if item % 3 == taste else 0.15))
            rows.append((user, int(item) + 1, (user * 25 + n) * 60_000_000, 5.0 if liked else 1.0, liked))
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us", "user", "item")


def dataset(kind="ratings", **changes):
    made = Dataset(
        name="made up",
        kind=kind,
        items=items(),
        users=pl.DataFrame({"user": np.arange(N_USERS), "external_id": [str(u) for u in range(N_USERS)]}, schema=USERS),
        interactions=interactions(),
        judgements=pl.DataFrame(schema=JUDGEMENTS),
        positive_means="liked",
        licence="made up",
    )
    return dataclasses.replace(made, **changes)
