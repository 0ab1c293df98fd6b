"""Source "ease": a linear item-item model in closed form, over a history in which the latest likes count most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from shortlist.core.arrays import Float32, Float64, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.item_neighbours import liked_matrix
from shortlist.retrieval.selection import best, known_rows

__all__ = ["EaseSource"]

REGULARIZATION = 300.0
HALF_LIFE = 10.0
"""Both chosen by NDCG@100 on the last fifth of the users' training positives (MovieLens-100K)."""

KEPT = 400
ITEMS_AT_MOST = 10_000


class EaseSource:
    """Embarrassingly shallow autoencoder for sparse data (Steck, "EASE", WWW 2019, equations 4 and 8).

        minimise |X - X B|² + λ |B|²  with  diag(B) = 0:    B_ij = -P_ij / P_jj,  P = (XᵀX + λI)⁻¹
        score(u, j) = sum over liked i of 2^(-age_i / half-life) B_ij

    ``age_i`` is 0 for the user's latest like, 1 for the one before, and so on: a step from a set of likes towards a
    sequence that leaves the closed form alone. With an infinite half-life it is Steck's model. A user without a
    history gets nothing.

    Args:
        catalogue: the release's items.
        weight: float32 ``(V + 1, V + 1)``, B; row i holds what a like of i says of others; row and column 0 are empty.
        half_life: in likes.
        limit: candidates a request at most.
    """

    name = "ease"

    def __init__(self, catalogue: Catalogue, weight: csr_array, *, half_life: float, limit: int = 200) -> None:
        self.weight = weight
        self.half_life = half_life
        self._catalogue = catalogue
        self._limit = limit

    @classmethod
    def fit(
        cls,
        interactions: pl.DataFrame,
        catalogue: Catalogue,
        *,
        regularization: float = REGULARIZATION,
        half_life: float = HALF_LIFE,
        kept: int = KEPT,
        items_at_most: int = ITEMS_AT_MOST,
        limit: int = 200,
    ) -> EaseSource:
        """Invert the items' Gram matrix: memory grows with the square of the items, time with their cube.

        Args:
            interactions: schema ``INTERACTIONS``, nothing from after the training end.
            catalogue: the release's items.
            regularization: λ.
            half_life: in likes.
            kept: weights kept an item, those of greatest magnitude.
            items_at_most: the most liked items take part; 10,000 take 0.8 GB a matrix and about a minute.
            limit: candidates a request at most.
        """
        liked = liked_matrix(interactions, catalogue)
        count = np.asarray(liked.sum(axis=0), dtype=np.float64)
        order = np.lexsort((catalogue.item, -count))
        row: Int64 = np.sort(order[: min(items_at_most, np.count_nonzero(count))]).astype(np.int64)
        x = liked[:, row]
        inverse: Float64 = np.linalg.inv((x.T @ x).toarray().astype(np.float64) + regularization * np.eye(len(row)))
        dense = (-inverse / np.diag(inverse)).astype(np.float32)
        np.fill_diagonal(dense, 0.0)
        return cls(catalogue, _largest(dense, row, len(catalogue), kept), half_life=half_life, limit=limit)

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """Unseen items by their score; those that no like speaks for or against are not found."""
        history = _decayed(known_rows(batch.history, self._catalogue), len(self._catalogue), self.half_life)
        score = (history @ self.weight).tocoo()
        request, row = score.coords
        return best(
            self.name,
            self._catalogue,
            n_requests=len(batch),
            request=request.astype(np.int64),
            row=row.astype(np.int64),
            score=score.data,
            limit=self._limit,
            leave_out=known_rows(batch.seen, self._catalogue),
        )

    def save(self, folder: Path) -> None:
        """Write the weights."""
        w = self.weight
        held = {
            "weight": w.data,
            "column": w.indices.astype(np.int32),
            "offsets": w.indptr.astype(np.int64),
            "half_life": np.array([self.half_life]),
        }
        write_arrays(folder, held)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> EaseSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file does not belong to this catalogue.
        """
        n = len(catalogue)
        rows = {"offsets": n + 1, "half_life": 1}
        weight, column, offsets, half_life = read_arrays(folder, "weight", "column", "offsets", "half_life", rows=rows)
        return cls(catalogue, csr_array((weight, column, offsets), (n, n)), half_life=float(half_life[0]), limit=limit)


def _largest(dense: Float32, row: Int64, n_rows: int, kept: int) -> csr_array:
    """The ``kept`` entries of greatest magnitude in each line of a matrix over ``row``, as one over all rows."""
    kept = min(kept, len(row))
    place = np.argpartition(-np.abs(dense), kept - 1, axis=1)[:, :kept] if kept else np.empty((0, 0), dtype=np.int64)
    value = np.take_along_axis(dense, place, axis=1)
    line = np.repeat(row, kept)
    weight = csr_array((value.ravel(), (line, row[place].ravel())), (n_rows, n_rows))
    weight.eliminate_zeros()
    weight.sort_indices()
    return weight


def _decayed(history: Ragged, n_rows: int, half_life: float) -> csr_array:
    """Requests by rows, float32 ``(R, n_rows)``: 2^(-age / half-life); what was liked twice counts by the latest."""
    pair = history.segment * n_rows + history.values
    age = history.offsets[1:][history.segment] - 1 - np.arange(len(pair))
    order = np.lexsort((age, pair))
    first = order[np.concatenate([[True], np.diff(pair[order]) > 0])] if len(pair) else order
    weight = np.exp2(-age[first] / half_life).astype(np.float32)
    return csr_array((weight, np.divmod(pair[first], n_rows)), (len(history), n_rows))
