"""Computed features with labels, as rows that a training loop gathers from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.features.feed_features import FeatureRows
from shortlist.learning.tower_examples import epoch_batches
from shortlist.learning.training_rows import Gathered

__all__ = ["FeatureTrainingRows"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTrainingRows:
    """``TrainingRows`` over a ``FeatureRows``; the model's arguments are its fields.

    Attributes:
        rows: the features.
        label: float32 ``(N,)``.
        weight: float32 ``(N,)``; None counts all alike.
    """

    rows: FeatureRows
    label: Float32
    weight: Float32 | None = None

    def __len__(self) -> int:
        return len(self.label)

    def fingerprint(self) -> str:
        """SHA-256 over all arrays."""
        digest = hashlib.sha256()
        for array in (*self._arrays(), self.label, *(() if self.weight is None else (self.weight,))):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def batches(self, size: int, *, seed: int, epoch: int, first: int = 0) -> Iterator[Int64]:
        """A uniform shuffle."""
        return epoch_batches(len(self), size, seed=seed, epoch=epoch, first=first)

    def gather(self, chosen: Int64) -> Gathered:
        """Of the requests, those that the chosen rows are of; each is worked on once."""
        rows = self.rows
        request, index = np.unique(rows.index[chosen], return_inverse=True)
        arrays: tuple[Array, ...] = (
            rows.request[request],
            index,
            rows.candidate[chosen],
            rows.row[chosen],
            rows.categories[chosen],
        )
        weight = np.ones(len(chosen), np.float32) if self.weight is None else self.weight[chosen]
        return Gathered(
            [torch.from_numpy(array) for array in arrays],
            torch.from_numpy(self.label[chosen]),
            torch.from_numpy(weight),
        )

    def _arrays(self) -> tuple[Array, ...]:
        rows = self.rows
        return rows.request, rows.index, rows.candidate, rows.row, rows.categories
