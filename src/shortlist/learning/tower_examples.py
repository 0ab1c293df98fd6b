"""What the towers learn from, as three flat arrays that batches are gathered from, in memory or mapped from files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Int32, Int64
from shortlist.core.errors import DataError
from shortlist.features.catalogue import Catalogue

__all__ = ["TowerExamples", "epoch_batches"]

_NAMES = ("liked", "start", "at")


@dataclass(frozen=True, slots=True, eq=False)
class TowerExamples:
    """Each like after a user's first is a positive; the likes before it are its history.

    Histories overlap, so they are not stored: a batch gathers them from the users' likes, laid end to end. That is one
    fancy index a batch, no loop over rows, and the files of N likes take 20·N bytes whatever the history's length.

    Attributes:
        liked: int32 ``(N,)``, rows of liked items, user by user, oldest first.
        start: int64 ``(P,)``, where the likes of a positive's user begin.
        at: int64 ``(P,)``, where the positive is.
    """

    liked: Int32
    start: Int64
    at: Int64

    @classmethod
    def of(cls, interactions: pl.DataFrame, catalogue: Catalogue, *, since_us: int | None = None) -> TowerExamples:
        """From a table in the schema ``INTERACTIONS``; items that the catalogue does not know are left out.

        Args:
            interactions: the table.
            catalogue: the release's items.
            since_us: positives from this instant on only; their histories reach further back.
        """
        liked = interactions.filter(pl.col("positive")).sort(["user", "at_us", "item"])
        row = catalogue.rows(liked["item"].to_numpy())
        known = row > 0
        row, user, at_us = row[known], liked["user"].to_numpy()[known], liked["at_us"].to_numpy()[known]
        start = np.searchsorted(user, user, side="left")
        late = np.arange(len(row)) > start
        at = np.flatnonzero(late if since_us is None else late & (at_us >= since_us))
        return cls(row.astype(np.int32), start[at], at)

    def __len__(self) -> int:
        """P."""
        return len(self.at)

    def counts(self, n_rows: int) -> Int64:
        """How often each row is the positive: int64 ``(n_rows,)``."""
        return np.bincount(self.liked[self.at], minlength=n_rows)

    def batch(self, chosen: Int64, length: int) -> tuple[Int64, Int64]:
        """Histories ``(B, length)``, newest first, padded with 0, and positives ``(B,)``.

        Example:
            >>> examples = TowerExamples(np.array([7, 8, 9, 5], np.int32), np.array([0, 0]), np.array([1, 2]))
            >>> history, positive = examples.batch(np.array([1, 0]), 3)
            >>> history.tolist(), positive.tolist()
            ([[8, 7, 0], [7, 0, 0]], [9, 8])
        """
        at, start = self.at[chosen], self.start[chosen]
        place = at[:, None] - 1 - np.arange(length)
        history = np.where(place >= start[:, None], self.liked[np.maximum(place, 0)], 0)
        return history.astype(np.int64), self.liked[at].astype(np.int64)

    def part(self, chosen: Int64) -> TowerExamples:
        """Some of the positives, with the same histories."""
        return TowerExamples(self.liked, self.start[chosen], self.at[chosen])

    def fingerprint(self) -> str:
        """SHA-256 over the three arrays."""
        digest = hashlib.sha256()
        for name in _NAMES:
            digest.update(np.ascontiguousarray(getattr(self, name)).data)
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write ``liked.npy``, ``start.npy`` and ``at.npy``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _NAMES:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def mapped(cls, folder: Path) -> TowerExamples:
        """Map the files of ``save``: what a batch does not touch is not read.

        Raises:
            DataError: a file is missing or torn.
        """
        try:
            arrays: list[Array] = [
                np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _NAMES
            ]
        except (OSError, ValueError) as error:
            raise DataError(f"the examples cannot be read: {error}", where=str(folder), fix="save them again") from None
        return cls(*arrays)


def epoch_batches(n: int, size: int, *, seed: int, epoch: int, first: int = 0) -> Iterator[Int64]:
    """The batches of one pass over n examples in an order that depends on seed and epoch alone.

    Args:
        n: examples.
        size: of a batch; the last one may be smaller.
        seed: of the order.
        epoch: which pass, from 0.
        first: batches to leave out, for a run that is taken up again.

    Example:
        >>> whole = list(epoch_batches(10, 4, seed=1, epoch=2))
        >>> sorted(np.concatenate(whole).tolist()) == list(range(10))
        True
        >>> rest = list(epoch_batches(10, 4, seed=1, epoch=2, first=1))
        >>> [a.tolist() for a in rest] == [a.tolist() for a in whole[1:]]
        True
    """
    order = np.random.default_rng([seed, epoch]).permutation(n)
    for start in range(first * size, n, size):
        yield order[start : start + size]
