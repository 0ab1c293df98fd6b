"""Simulated queries over a real catalogue. Each has an intent, an item or a category, which is never logged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Float64, Int64
from shortlist.core.randomness import Rng, generator
from shortlist.datasets.dataset import Dataset
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import words

__all__ = ["Queries", "simulated_queries"]


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Different queries, ``Q`` of them.

    Attributes:
        text: what is typed.
        share: float64 ``(Q,)``, how often each is typed; sums to 1.
        intended_row: int64 ``(Q,)``, catalogue row of the item that is looked for, 0 where a category is.
        intended_categories: float64 ``(Q, C)``, the categories that are looked for.
    """

    text: tuple[str, ...]
    share: Float64
    intended_row: Int64
    intended_categories: Float64


def simulated_queries(dataset: Dataset, catalogue: Catalogue, *, n_titles: int = 1_500, rng: Rng = 0) -> Queries:
    """Titles, two words of a title, categories and brands, typed with a frequency that falls as 1/rank^0.7.

    Items are drawn by their positives, so popular ones are looked for more; half of the queries name the whole title, a
    quarter two words of it, a quarter a category or a brand.

    Args:
        dataset: for the popularity of items.
        catalogue: over the same items.
        n_titles: draws of an item; texts that come twice are kept once.
        rng: a generator or a seed.
    """
    random = generator(rng)
    drawn = random.choice(len(catalogue) - 1, size=n_titles, p=_popularity(dataset, catalogue)) + 1
    brands = ["", *catalogue.table["brand"].fill_null("").to_list()]
    intents: dict[str, tuple[int, Float64]] = {}
    for row in drawn.tolist():
        text = words(catalogue.titles[row])
        categories = catalogue.category_matrix[row].astype(np.float64)
        kind = random.random()
        if kind < 0.5 and text:
            intents.setdefault(" ".join(text[:8]), (row, categories))
        elif kind < 0.75 and text:
            start = int(random.integers(max(1, len(text) - 1)))
            intents.setdefault(" ".join(text[start : start + 2]), (row, categories))
        elif brands[row] and random.random() < 0.5:
            intents.setdefault(" ".join(words(brands[row])), (0, categories))
        elif categories.any():
            wanted = int(random.choice(np.flatnonzero(categories)))
            only = np.zeros_like(categories)
            only[wanted] = 1.0
            intents.setdefault(" ".join(words(catalogue.categories[wanted])), (0, only))
    intents.pop("", None)
    share = np.arange(1, len(intents) + 1) ** -0.7
    return Queries(
        text=tuple(intents),
        share=share / share.sum(),
        intended_row=np.array([row for row, _ in intents.values()], dtype=np.int64),
        intended_categories=np.array([wanted for _, wanted in intents.values()]),
    )


def _popularity(dataset: Dataset, catalogue: Catalogue) -> Float64:
    liked = dataset.interactions.filter(pl.col("positive"))["item"].to_numpy()
    counts = np.bincount(catalogue.rows(liked), minlength=len(catalogue))[1:] + 1.0
    return np.asarray(counts / counts.sum(), dtype=np.float64)
