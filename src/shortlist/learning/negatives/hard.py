"""Hard negatives: what the current model itself would retrieve, from an index that is refreshed as it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from shortlist.core.arrays import Bool, Float32, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.learning.negatives.sampler import Negatives

__all__ = ["HardNegatives", "Searchable"]


class Searchable(Protocol):
    """An index over item vectors."""

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        """Scores and rows ``(R, k)`` of the best; a place that could not be filled has row 0."""
        ...


class HardNegatives:
    """Each user's own: ``hard`` draws from the K rows nearest to the user, ``uniform`` draws from all V.

        E_c = hard / K · [c is among the user's K nearest] + uniform / V

    Both parts are with replacement. The uniform part is no extra: rows outside the K nearest would never be drawn
    without it, and what is never drawn cannot be corrected for. The index is as old as its last refresh; the formula
    holds for it all the same, because it asks only what the index would have given (Xiong et al., "Approximate
    nearest neighbor negative contrastive learning", ICLR 2021, refresh in the same way, without the correction).

    Args:
        n_rows: V + 1.
        build: makes an index over item vectors ``(V + 1, d)``; row 0 is not to be found.
        hard: draws from the nearest.
        uniform: draws from all.
        nearest: K.
    """

    def __init__(
        self,
        n_rows: int,
        build: Callable[[Float32], Searchable],
        *,
        hard: int = 32,
        uniform: int = 96,
        nearest: int = 200,
    ) -> None:
        self.n_rows = n_rows
        self.hard = hard
        self.uniform = uniform
        self.nearest = min(nearest, n_rows - 1)
        self._build = build
        self._index: Searchable | None = None

    def refresh(self, vectors: Float32) -> None:
        """Index the items' vectors of now, ``(V + 1, d)``."""
        self._index = self._build(vectors)

    def draw(self, positive: Int64, users: Float32, rng: np.random.Generator) -> Negatives:
        """Negatives ``(B, hard + uniform)`` for positives ``(B,)`` of users ``(B, d)``.

        Raises:
            DataError: the index was never built.
        """
        if self._index is None:
            raise DataError("there is no index to draw from", where="HardNegatives", fix="call refresh first")
        near = self._index.search(users, self.nearest)[1]
        picked = np.take_along_axis(near, rng.integers(0, near.shape[1], size=(len(positive), self.hard)), axis=1)
        anywhere = rng.integers(1, self.n_rows, size=(len(positive), self.uniform))
        row = np.concatenate([picked, anywhere], axis=1)
        return Negatives(row, self._log_expected(row, near), self._log_expected(positive[:, None], near)[:, 0])

    def _log_expected(self, row: Int64, near: Int64) -> Float64:
        user = np.arange(len(row))[:, None] * self.n_rows
        held, wanted = np.sort(user + near, axis=1).ravel(), user + row
        among: Bool = held[np.minimum(np.searchsorted(held, wanted), len(held) - 1)] == wanted
        expected = self.hard / near.shape[1] * among + self.uniform / (self.n_rows - 1)
        with np.errstate(divide="ignore"):
            return np.where(row > 0, np.log(expected), np.inf)
