"""Source "als": matrix factorization whose user factor is solved from the live history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.linalg.lapack import dposv

from shortlist.core.arrays import Float32, Float64
from shortlist.core.candidates import Candidates
from shortlist.core.errors import ShortlistError
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.retrieval.item_index import build_item_index, load_item_index
from shortlist.retrieval.nearest import nearest
from shortlist.retrieval.selection import distinct, known_rows

__all__ = ["AlsSource"]


class AlsSource:
    """Items whose factors have the greatest inner product with the user's.

    The user's factor is folded in at each request, so that a new user and a click of a second ago count at once. It
    is the minimum, given the item factors Y, of the loss that training minimised (Hu, Koren & Volinsky, ICDM 2008,
    equation 4):

        x_u = (YᵀY + (c - 1) Σ y_j y_jᵀ + λI)⁻¹ c Σ y_j    over the items j that the user has liked, each once.

    A user without a history gets nothing.

    Args:
        catalogue: the release's items.
        factor: float32 ``(V + 1, d)``, Y; zeros for items that nobody liked, which are never found.
        confidence: c, at least 1.
        regularization: λ, above 0.
        index: over ``factor``; built where it is not given.
        limit: candidates a request at most.

    Raises:
        ShortlistError: c below 1, or λ not above 0: the sum above then need not be positive definite.
    """

    name = "als"

    def __init__(
        self,
        catalogue: Catalogue,
        factor: Float32,
        *,
        confidence: float,
        regularization: float,
        index: VectorIndex | None = None,
        limit: int = 200,
    ) -> None:
        if not (confidence >= 1.0 and regularization > 0.0):
            raise ShortlistError(
                f"confidence is {confidence} and regularization {regularization}",
                where="als",
                fix="give a confidence of at least 1 and a regularization above 0",
            )
        self.factor = factor
        self.confidence = confidence
        self.regularization = regularization
        self._catalogue = catalogue
        self._limit = limit
        self._index = index or build_item_index(factor)
        self._exact: Float64 = factor.astype(np.float64)
        self._ridge: Float64 = self._exact.T @ self._exact + regularization * np.eye(factor.shape[1])

    def user_factors(self, batch: RequestBatch) -> Float32:
        """``x_u`` of each request, float32 ``(R, d)``; zeros where no liked item is known."""
        history = distinct(known_rows(batch.history, self._catalogue))
        solved = np.zeros((len(batch), self.factor.shape[1]), dtype=np.float32)
        for r in np.flatnonzero(history.lengths).tolist():
            liked = self._exact.take(history[r], axis=0)
            a = self._ridge + (self.confidence - 1.0) * (liked.T @ liked)
            _, solved[r], failed = dposv(a, self.confidence * liked.sum(axis=0))  # by Cholesky: a is positive definite
            if failed:
                raise ShortlistError(
                    f"the factor of a user with {len(liked)} liked items cannot be solved for",
                    where="als",
                    fix="the item factors hold what is no number: train a new release",
                )
        return solved

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """Unseen items by ``x_u · y_i``."""
        seen = known_rows(batch.seen, self._catalogue)
        return nearest(
            self.name, self._catalogue, self._index, self.user_factors(batch), limit=self._limit, leave_out=seen
        )

    def save(self, folder: Path) -> None:
        """Write factors, constants and index."""
        constants = np.array([self.confidence, self.regularization])
        write_arrays(folder, {"factor": self.factor, "constants": constants})
        self._index.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> AlsSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the files do not belong to this catalogue.
        """
        rows = {"factor": len(catalogue), "constants": 2}
        factor, constants = read_arrays(folder, "factor", "constants", rows=rows)
        return cls(
            catalogue,
            factor,
            confidence=float(constants[0]),
            regularization=float(constants[1]),
            index=load_item_index(folder, len(catalogue) - 1),
            limit=limit,
        )
