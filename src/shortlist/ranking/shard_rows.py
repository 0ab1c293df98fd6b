"""A model's inputs with labels on disk: what a training loop gathers from where the rows do not fit the memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from shortlist.core.arrays import Array, Int64
from shortlist.learning.shards import Shards, write_shards
from shortlist.learning.training_rows import Gathered
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes, checked_ids

__all__ = ["ShardRows", "write_input_shards"]


def write_input_shards(folder: Path, parts: Iterable[InputRows], *, rows: int = 1_000_000) -> None:
    """Write rows that arrive part by part, such as days; ids are checked on the way and kept as int32.

    A request's inputs are written with each of its rows: a shuffled batch hardly ever holds two rows of one request.

    Args:
        folder: made where it is missing.
        parts: of equal sizes of inputs.
        rows: of a shard, at most.

    Raises:
        DataError: an id is outside of its table, or there is no row.
    """
    write_shards(folder, (_columns(part) for part in parts), rows=rows)


def _columns(part: InputRows) -> Mapping[str, Array]:
    checked_ids(part.sizes, part.inputs)
    columns: dict[str, Array] = {}
    for name in (*part.sizes.request_names, *part.sizes.candidate_names):
        values = part.inputs[name]
        if name in part.sizes.request_names:
            values = values[part.inputs["request_index"]]
        columns[name] = values if name.endswith("_dense") else values.astype(np.int32)
    weight = np.ones(len(part), np.float32) if part.weight is None else part.weight
    return columns | {"label": part.label, "weight": weight}


@dataclass(frozen=True, slots=True, eq=False)
class ShardRows:
    """``TrainingRows`` over what ``write_input_shards`` wrote.

    Attributes:
        sizes: of the inputs.
        shards: mapped.
    """

    sizes: InputSizes
    shards: Shards

    def __len__(self) -> int:
        return len(self.shards)

    def fingerprint(self) -> str:
        """Of all that was written."""
        return self.shards.fingerprint()

    def batches(self, size: int, *, seed: int, epoch: int, first: int = 0) -> Iterator[Int64]:
        """See ``Shards.batches``."""
        return self.shards.batches(size, seed=seed, epoch=epoch, first=first)

    def gather(self, chosen: Int64) -> Gathered:
        """Every row with a request of its own."""
        found = self.shards.gather(chosen)
        inputs = {
            name: found[name] if name.endswith("_dense") else found[name].astype(np.int64)
            for name in (*self.sizes.request_names, *self.sizes.candidate_names)
        } | {"request_index": np.arange(len(chosen))}
        arguments = [torch.from_numpy(inputs[name]) for name in self.sizes.names]
        return Gathered(arguments, torch.from_numpy(found["label"]), torch.from_numpy(found["weight"]))
