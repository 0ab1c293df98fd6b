"""Source "popular": what many people have liked of late, the same for everybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Float32, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.clock import HOUR_US
from shortlist.core.merge_kernel import owners
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.selection import best, known_rows

__all__ = ["HALF_LIFE_DAYS", "PopularSource"]

HALF_LIFE_DAYS = 60.0


class PopularSource:
    """Time-decayed counts of positives, ``score_i = sum over positives of i of 2^(-age / half-life)``.

    The age is counted back from the last interaction of the training table. Items that nobody has liked are not
    found. Works for users nobody knows; what a user has seen is left out.

    Args:
        catalogue: the release's items.
        popularity: float32 ``(V + 1,)``, the score of each row.
        limit: candidates a request at most.
    """

    name = "popular"

    def __init__(self, catalogue: Catalogue, popularity: Float32, *, limit: int = 200) -> None:
        self.popularity = popularity
        self._catalogue = catalogue
        self._limit = limit
        liked = np.flatnonzero(popularity > 0)
        self._ranked: Int64 = liked[np.lexsort((catalogue.item[liked], -popularity[liked]))]

    @classmethod
    def fit(
        cls,
        interactions: pl.DataFrame,
        catalogue: Catalogue,
        *,
        half_life_days: float = HALF_LIFE_DAYS,
        limit: int = 200,
    ) -> PopularSource:
        """Count positives.

        Args:
            interactions: schema ``INTERACTIONS``, nothing from after the training end.
            catalogue: the release's items.
            half_life_days: days after which a positive counts half.
            limit: candidates a request at most.
        """
        positive = interactions.filter(pl.col("positive"))
        at_us = positive["at_us"].to_numpy()
        end_us = interactions["at_us"].max() if len(interactions) else 0
        age_days = (np.float64(end_us) - at_us) / (24 * HOUR_US)  # type: ignore[arg-type]
        rows = catalogue.rows(positive["item"].to_numpy())
        counts = np.bincount(rows, weights=np.exp2(-age_days / half_life_days), minlength=len(catalogue))
        counts[0] = 0.0
        return cls(catalogue, counts.astype(np.float32), limit=limit)

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """The most popular items that the user has not seen."""
        seen = known_rows(batch.seen, self._catalogue)
        longest = int(seen.lengths.max(initial=0))
        top = self._ranked[: self._limit + longest]
        row = np.broadcast_to(top, (len(batch), len(top))).ravel()
        return best(
            self.name,
            self._catalogue,
            n_requests=len(batch),
            request=owners(len(top) * np.arange(len(batch) + 1)),
            row=row,
            score=self.popularity[row],
            limit=self._limit,
            leave_out=seen,
        )

    def save(self, folder: Path) -> None:
        """Write the scores."""
        write_arrays(folder, {"popularity": self.popularity})

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> PopularSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file does not belong to this catalogue.
        """
        (popularity,) = read_arrays(folder, "popularity", rows={"popularity": len(catalogue)})
        return cls(catalogue, popularity, limit=limit)
