"""A model's inputs with labels, as rows that a training loop gathers from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.learning.tower_examples import epoch_batches
from shortlist.learning.training_rows import Gathered
from shortlist.ranking.input_sizes import InputSizes, gather_inputs

__all__ = ["InputRows"]


@dataclass(frozen=True, slots=True, eq=False)
class InputRows:
    """``TrainingRows`` in memory.

    Attributes:
        sizes: names and order of the inputs.
        inputs: by name; ``(R, ...)`` those of requests, ``(N, ...)`` those of candidates.
        label: float32 ``(N,)``, or ``(N, T)`` of several tasks.
        weight: float32 ``(N,)``; None counts all alike.
    """

    sizes: InputSizes
    inputs: Mapping[str, Array]
    label: Float32
    weight: Float32 | None = None

    def __len__(self) -> int:
        return len(self.label)

    def fingerprint(self) -> str:
        """SHA-256 over all arrays."""
        digest = hashlib.sha256()
        for array in (
            *(self.inputs[name] for name in self.sizes.names),
            self.label,
            *(() if self.weight is None else (self.weight,)),
        ):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def batches(self, size: int, *, seed: int, epoch: int, first: int = 0) -> Iterator[Int64]:
        """A uniform shuffle."""
        return epoch_batches(len(self), size, seed=seed, epoch=epoch, first=first)

    def gather(self, chosen: Int64) -> Gathered:
        """Of the requests, those that the chosen rows are of; each is worked on once."""
        part = gather_inputs(self.sizes, self.inputs, chosen)
        weight = np.ones(len(chosen), np.float32) if self.weight is None else self.weight[chosen]
        return Gathered(
            [torch.from_numpy(part[name]) for name in self.sizes.names],
            torch.from_numpy(self.label[chosen]),
            torch.from_numpy(weight),
        )
