"""The feed ranker's features as few enough parts to be told apart, and what each adds to one row's log odds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Bool, Float64
from shortlist.features.feed_features import FeatureRows, FeedFeatures
from shortlist.ranking.contributions import Contribution, shapley_values

__all__ = ["feed_contributions"]


@dataclass(frozen=True, slots=True)
class _Part:
    """Inputs that are told as one: some dense columns, the item's id, or its categories."""

    feature: str
    meaning: str
    columns: tuple[int, ...] = ()
    item: bool = False
    categories: bool = False


def feed_contributions(
    features: FeedFeatures, rows: FeatureRows, logits: Callable[[FeatureRows], Float64], *, orders: int = 32
) -> tuple[Contribution, ...]:
    """What lifts row 0 above row 1 of the same request, largest first; see ``shapley_values``.

    Whether, where and how well a source found an item is one part. What belongs to the request is the same for both
    rows and adds nothing.

    Args:
        features: that made the rows.
        rows: two, of one request.
        logits: the model.
        orders: pairs of orders that are drawn.
    """
    parts = _parts(features)

    def score(own: Bool) -> Float64:
        n = len(own)
        candidate = np.repeat(rows.candidate[1:2], n, axis=0)
        row, categories = np.full(n, rows.row[1]), np.repeat(rows.categories[1:2], n, axis=0)
        for number, part in enumerate(parts):
            taken = own[:, number]
            for column in part.columns:
                candidate[taken, column] = rows.candidate[0, column]
            if part.item:
                row[taken] = rows.row[0]
            if part.categories:
                categories[taken] = rows.categories[0]
        return logits(FeatureRows(rows.request, np.zeros(n, np.int64), candidate, row, categories))

    phi, error = shapley_values(score, len(parts), orders=orders)
    found = [
        Contribution(
            part.feature,
            part.meaning,
            _text(features, part, rows, 0),
            _text(features, part, rows, 1),
            float(phi[number]),
            float(error[number]),
        )
        for number, part in enumerate(parts)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.log_odds)))


def _parts(features: FeedFeatures) -> list[_Part]:
    names = {feature.name: column for column, feature in enumerate(features.spec.candidate)}
    sources = {f"{name}_{what}" for name in features.sources for what in ("found", "rank", "score")}
    plain = [
        _Part(feature.name, feature.meaning, (names[feature.name],))
        for feature in features.spec.candidate
        if feature.name not in sources
    ]
    found = [
        _Part(
            f"found by {name}",
            "whether, at which rank and with which score this source found the item",
            tuple(names[f"{name}_{what}"] for what in ("found", "rank", "score")),
        )
        for name in features.sources
    ]
    return [
        *plain,
        *found,
        _Part("item", "the item's own embedding: what is known of it beyond all other features", item=True),
        _Part("categories", "its categories' embeddings", categories=True),
    ]


def _text(features: FeedFeatures, part: _Part, rows: FeatureRows, row: int) -> str:
    if part.item:
        return features.catalogue.titles[rows.row[row]] if rows.row[row] else "none of its own"
    if part.categories:
        names = [features.catalogue.categories[number - 1] for number in rows.categories[row] if number]
        return ", ".join(names) or "none"
    values = rows.candidate[row, list(part.columns)]
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"no. {round(float(np.expm1(values[1]))) + 1}" if values[0] > 0.0 else "not found"
