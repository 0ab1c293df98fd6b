"""What the log up to one instant says about each item: how often met, how often liked, how lately."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shortlist.core.arrays import Bool, Float32, Float64, Int64
from shortlist.core.errors import ReleaseError
from shortlist.features.catalogue import Catalogue

__all__ = ["LIKE_PRIOR", "ItemStatistics"]

LIKE_PRIOR = 10.0
"""Imagined meetings, at the rate of all items, that are added to each item's own."""
_LATELY = 0.2
"""The last fifth of the events counts as lately."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemStatistics:
    """Facts by row, float32 ``(V + 1,)`` each; row 0 holds those of an item that nobody met.

    Shares rather than counts, so that a table that was fitted later means the same to a model.

    Attributes:
        met: ``log1p(10,000 × the item's share of all events)``.
        liked: ``log1p(10,000 × the item's share of all positives)``.
        lately: ``log1p(10,000 × the item's share of the last fifth of the events)``.
        like_rate: ``(positives + 10 r) / (events + 10)``, r the rate over all items.
        age: ``log1p`` of the days from release to the last event, 0 where the release is not known.
        has_age: 1 where it is known.
        end_us: the last event, microseconds UTC; int64 ``(1,)``.
    """

    met: Float32
    liked: Float32
    lately: Float32
    like_rate: Float32
    age: Float32
    has_age: Float32
    end_us: Int64

    @classmethod
    def fit(cls, interactions: pl.DataFrame, catalogue: Catalogue) -> ItemStatistics:
        """Count.

        Args:
            interactions: schema ``INTERACTIONS``; nothing from the time that the statistics will be used for.
            catalogue: the release's items.
        """
        v = len(catalogue)
        row = catalogue.rows(interactions["item"].to_numpy())
        positive = interactions["positive"].to_numpy().astype(np.bool_)
        at_us = interactions["at_us"].to_numpy()
        end_us = int(at_us.max()) if len(at_us) else 0
        late = at_us >= (np.quantile(at_us, 1.0 - _LATELY) if len(at_us) else 0)
        met, liked = np.bincount(row, minlength=v), np.bincount(row[positive], minlength=v)
        rate = float(positive.mean()) if len(positive) else 0.0
        age, known = _age(catalogue.table, end_us)
        return cls(
            met=_share(met),
            liked=_share(liked),
            lately=_share(np.bincount(row[late], minlength=v)),
            like_rate=((liked + LIKE_PRIOR * rate) / (met + LIKE_PRIOR)).astype(np.float32),
            age=np.concatenate([[0.0], age]).astype(np.float32),
            has_age=np.concatenate([[0.0], known]).astype(np.float32),
            end_us=np.array([end_us], dtype=np.int64),
        )

    def extended(self, catalogue: Catalogue) -> ItemStatistics:
        """With rows for the items that were added to the catalogue: nobody met them, and their age is known or not."""
        n = len(catalogue) - len(self.met)
        age, known = _age(catalogue.table.tail(n), int(self.end_us[0]))
        cold = {name: np.repeat(getattr(self, name)[:1], n) for name in ("met", "liked", "lately", "like_rate")}
        cold |= {"age": age.astype(np.float32), "has_age": known.astype(np.float32)}
        return replace(self, **{name: np.concatenate([getattr(self, name), more]) for name, more in cold.items()})

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        save_file(asdict(self), path)

    @classmethod
    def load(cls, path: Path, catalogue: Catalogue) -> ItemStatistics:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file is missing or torn, or belongs to another catalogue.
        """
        try:
            held = load_file(path)
        except (OSError, SafetensorError):
            raise ReleaseError(
                "the item statistics cannot be read", where=str(path), fix="train a new release"
            ) from None
        names = [field.name for field in fields(cls)]
        rows = {name: 1 if name == "end_us" else len(catalogue) for name in names}
        if {name: len(values) for name, values in held.items()} != rows:
            raise ReleaseError(
                "the item statistics are of another catalogue", where=str(path), fix="a release's files belong together"
            )
        return cls(**{name: held[name] for name in names})


def _age(items: pl.DataFrame, end_us: int) -> tuple[Float64, Bool]:
    """``log1p`` of the days from each item's release to ``end_us``, 0 where it is not known, and whether it is."""
    released = items["released_us"].cast(pl.Float64).to_numpy()
    known = np.isfinite(released)
    days = np.maximum(end_us - np.nan_to_num(released), 0.0) / 86_400e6
    return np.where(known, np.log1p(days), 0.0), known


def _share(count: Int64) -> Float32:
    count = count.copy()
    count[0] = 0
    return np.log1p(10_000.0 * count / max(int(count.sum()), 1)).astype(np.float32)
