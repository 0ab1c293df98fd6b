"""What a training loop needs of its rows, whether they lie in memory or in mapped shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.learning.tower_examples import epoch_batches

__all__ = ["ArrayRows", "Gathered", "TrainingRows"]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Some rows.

    Attributes:
        arguments: the model's.
        label: float32 ``(n,)``, or ``(n, T)`` of several tasks.
        weight: float32 ``(n,)``, what each row counts, such as one over its propensity.
    """

    arguments: Sequence[Tensor]
    label: Tensor
    weight: Tensor


class TrainingRows(Protocol):
    """Rows that can be gathered by number."""

    def __len__(self) -> int: ...

    def fingerprint(self) -> str:
        """Changes with the rows: a checkpoint is taken up for the same rows only."""
        ...

    def batches(self, size: int, *, seed: int, epoch: int, first: int = 0) -> Iterator[Int64]:
        """Numbers of the rows of each batch of a pass; each row once, in an order of seed and pass alone."""
        ...

    def gather(self, chosen: Int64) -> Gathered:
        """Arguments, labels and weights of rows; called from several threads at once."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayRows:
    """Rows in memory, one array an argument.

    Attributes:
        arrays: each ``(N, ...)``.
        label: float32 ``(N,)``, or ``(N, T)`` of several tasks.
        weight: float32 ``(N,)``; None counts all alike.
    """

    arrays: Sequence[Array]
    label: Float32
    weight: Float32 | None = None

    def __len__(self) -> int:
        return len(self.label)

    def fingerprint(self) -> str:
        """SHA-256 over all arrays."""
        digest = hashlib.sha256()
        for array in (*self.arrays, self.label, *(() if self.weight is None else (self.weight,))):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def batches(self, size: int, *, seed: int, epoch: int, first: int = 0) -> Iterator[Int64]:
        """See ``TrainingRows``."""
        return epoch_batches(len(self), size, seed=seed, epoch=epoch, first=first)

    def gather(self, chosen: Int64) -> Gathered:
        """See ``TrainingRows``."""
        weight = np.ones(len(chosen), np.float32) if self.weight is None else self.weight[chosen]
        arguments = [torch.from_numpy(array[chosen]) for array in self.arrays]
        return Gathered(arguments, torch.from_numpy(self.label[chosen]), torch.from_numpy(weight))
