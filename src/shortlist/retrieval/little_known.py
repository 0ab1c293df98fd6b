"""Source "little_known": items that few have met, for the slots that are kept for exploration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue
from shortlist.retrieval.arrays_file import read_arrays, write_arrays
from shortlist.retrieval.fresh import FreshSource
from shortlist.retrieval.selection import best
from shortlist.retrieval.two_tower import TwoTowerSource

__all__ = ["LittleKnownSource", "times_met"]


def times_met(interactions: pl.DataFrame, catalogue: Catalogue) -> Int64:
    """How often each row was met, liked or not: int64 ``(V + 1,)``, 0 at row 0."""
    count = np.bincount(catalogue.rows(interactions["item"].to_numpy()), minlength=len(catalogue))
    count[UNKNOWN_ROW] = 0
    return count.astype(np.int64)


class LittleKnownSource:
    """Items met fewer than ``below`` times, the nearest to the user's vector first.

    What nobody has met is placed by its content, so that exploration is not a lottery. A user without a vector gets
    the newest of them. It brings the exploring arm something to draw from; how often that arm draws is the
    re-ranker's (``reranking.exploration``), and nothing is drawn here.

    Args:
        catalogue: the release's items and those that were added.
        met: int64 ``(V + 1,)``, how often the release's log met each row.
        fresh: orders the items for users nobody knows, and says when each appeared.
        towers: orders them for the others.
        below: an item met fewer times is little known.
        limit: candidates a request at most.

    Attributes:
        little_known: bool ``(V + 1,)``, the rows that are; row 0 is not.
    """

    name = "little_known"

    def __init__(
        self,
        catalogue: Catalogue,
        met: Int64,
        *,
        fresh: FreshSource,
        towers: TwoTowerSource,
        below: int,
        limit: int = 200,
    ) -> None:
        self.little_known: Bool = np.less(met, below)
        self.little_known[UNKNOWN_ROW] = False
        self._catalogue = catalogue
        self._met = met
        self._limit = limit
        self._towers = towers
        self._fresh = FreshSource(catalogue, fresh.appeared_us, limit=limit, only=self.little_known)

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """The nearest, or for whom nothing is known the newest, of the little-known items."""
        near = self._towers.among(batch, self.little_known, source=self.name)
        asked = np.diff(near.request_offsets) == 0
        new = self._fresh.retrieve(batch)
        new = new.keep(asked[new.request_index])
        request = np.concatenate([near.request_index, new.request_index])
        item = np.concatenate([near.item, new.item])
        return best(
            self.name,
            self._catalogue,
            n_requests=len(batch),
            request=request,
            row=self._catalogue.rows(item),
            score=np.concatenate([near.source_score[:, 0], new.source_score[:, 0]]),
            limit=self._limit,
        )

    @staticmethod
    def save(folder: Path, met: Int64) -> None:
        """Write how often each row was met."""
        write_arrays(folder, {"met": met})

    @classmethod
    def load(
        cls,
        folder: Path,
        catalogue: Catalogue,
        *,
        fresh: FreshSource,
        towers: TwoTowerSource,
        below: int,
        limit: int = 200,
    ) -> LittleKnownSource:
        """Read what ``save`` wrote; items that were added since have been met by nobody.

        Raises:
            ReleaseError: the file does not belong to this catalogue.
        """
        (met,) = read_arrays(folder, "met", rows={"met": len(catalogue.base)})
        met = np.concatenate([met, np.zeros(len(catalogue) - len(met), dtype=np.int64)])
        return cls(catalogue, met, fresh=fresh, towers=towers, below=below, limit=limit)
