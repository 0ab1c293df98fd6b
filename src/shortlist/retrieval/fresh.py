"""Source "fresh": the newest items, the same for everybody, so that an item nobody has met yet gets a chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.clock import HOUR_US
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.selection import best, known_rows

__all__ = ["FreshSource"]

_DAY_US = 24 * HOUR_US


class FreshSource:
    """Items by age, ``score = -(days since the item appeared)``, the newest first.

    An item appears when it is released; where no release is known, when somebody first met it; where nobody has, at
    the end of the training table. What appears after the request is not found. Works for users nobody knows; what a
    user has seen is left out.

    Args:
        catalogue: the release's items.
        appeared_us: int64 ``(V + 1,)``; row 0 is not used.
        limit: candidates a request at most.
        only: bool ``(V + 1,)``, the rows that may be found; all without it.
    """

    name = "fresh"

    def __init__(self, catalogue: Catalogue, appeared_us: Int64, *, limit: int = 200, only: Bool | None = None) -> None:
        self.appeared_us = appeared_us
        self._catalogue = catalogue
        self._limit = limit
        rows = np.arange(1, len(catalogue)) if only is None else np.flatnonzero(only[1:]) + 1
        self._oldest_first: Int64 = rows[np.lexsort((-catalogue.item[rows], appeared_us[rows]))]

    @classmethod
    def fit(cls, interactions: pl.DataFrame, catalogue: Catalogue, *, limit: int = 200) -> FreshSource:
        """Find out when each item appeared.

        Args:
            interactions: schema ``INTERACTIONS``, nothing from after the training end.
            catalogue: the release's items.
            limit: candidates a request at most.
        """
        at_us = interactions["at_us"].to_numpy()
        row = catalogue.rows(interactions["item"].to_numpy())
        met = np.full(len(catalogue), at_us.max(initial=0) if len(at_us) else 0, dtype=np.int64)
        np.minimum.at(met, row, at_us)
        released = catalogue.table["released_us"]
        known = released.is_not_null().to_numpy()
        appeared = met.copy()
        appeared[1:][known] = released.fill_null(0).to_numpy()[known]
        return cls(catalogue, appeared, limit=limit)

    def extended(self, catalogue: Catalogue) -> FreshSource:
        """With the items that were added to the catalogue; one without a release appeared at the beginning of time."""
        released = catalogue.table.slice(len(self.appeared_us) - 1)["released_us"].fill_null(0).to_numpy()
        return FreshSource(catalogue, np.concatenate([self.appeared_us, released]), limit=self._limit)

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """The newest items that the user has not seen, as of each request's time."""
        seen = known_rows(batch.seen, self._catalogue)
        now_us = np.array([request.at_us for request in batch.requests], dtype=np.int64)
        ordered = self._oldest_first
        end = np.searchsorted(self.appeared_us[ordered], now_us, side="right")
        longest = self._limit + int(seen.lengths.max(initial=0))
        place = end[:, None] - 1 - np.arange(min(longest, len(ordered)))
        request, column = np.nonzero(place >= 0)
        row = ordered[place[request, column]]
        return best(
            self.name,
            self._catalogue,
            n_requests=len(batch),
            request=request.astype(np.int64),
            row=row,
            score=(self.appeared_us[row] - now_us[request]) / _DAY_US,
            limit=self._limit,
            leave_out=seen,
        )

    def save(self, folder: Path) -> None:
        """Write the times."""
        write_arrays(folder, {"appeared_us": self.appeared_us})

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, limit: int = 200) -> FreshSource:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file does not belong to this catalogue.
        """
        (appeared_us,) = read_arrays(folder, "appeared_us", rows={"appeared_us": len(catalogue)})
        return cls(catalogue, appeared_us, limit=limit)
