"""Stages of our own: rows of the vocabulary, what must not be shown, and how many the ranker scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shortlist.core.arrays import Array, Bool
from shortlist.core.candidates import Candidates
from shortlist.core.columns import LITTLE_KNOWN, ROW, Column
from shortlist.core.merge_kernel import ranks
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Dropped, Filtered
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue

__all__ = ["InCatalogueFilter", "LittleKnownHydrator", "PreRankingFilter", "RowHydrator", "SeenFilter"]


class RowHydrator:
    """Adds ``ROW``, each item's row in the active release."""

    name = "row"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def hydrate(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:  # noqa: ARG002
        """``ROW``, 0 for an item that this release does not know."""
        return {ROW: self._catalogue.rows(candidates.item)}


class LittleKnownHydrator:
    """Adds ``LITTLE_KNOWN``, whether few have met each item.

    Args:
        catalogue: turns keys into rows.
        little_known: bool ``(V + 1,)``.
    """

    name = "little_known"

    def __init__(self, catalogue: Catalogue, little_known: Bool) -> None:
        self._catalogue, self._little_known = catalogue, little_known

    def hydrate(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:  # noqa: ARG002
        """``LITTLE_KNOWN``, 1 or 0."""
        return {LITTLE_KNOWN: self._little_known[self._catalogue.rows(candidates.item)].astype(np.int8)}


class InCatalogueFilter:
    """Drops items that the active release does not know: nothing could be said about them, or shown."""

    name = "in_catalogue"

    def filter(self, batch: RequestBatch, candidates: Candidates) -> Filtered:  # noqa: ARG002
        """Keeps rows whose item is known."""
        kept = candidates[ROW] != UNKNOWN_ROW
        return Filtered(kept, (Dropped("not in the catalogue", candidates.key[~kept]),))


class SeenFilter:
    """Drops what the user has dealt with already, liked or not."""

    name = "seen"

    def filter(self, batch: RequestBatch, candidates: Candidates) -> Filtered:
        """Keeps rows whose item is not in the request's ``seen``."""
        seen = batch.seen.contains(candidates.request_index, candidates.item)
        return Filtered(~seen, (Dropped("seen before", candidates.key[seen]),))


class PreRankingFilter:
    """Drops what stands too far down in the order of the merge for the ranker to bring it up.

    Pre-ranking as the field's cascades have it (Wang et al., "COLD", DLP-KDD 2020), by the cheapest score there is: the
    fused rank, in whose order the rows of a request stand already. Rows marked ``LITTLE_KNOWN`` go on, wherever they
    stand: exploration is among them, and none of its chances may be lost to an order that knows nothing of them.

    Args:
        at_most: rows a request that go on; a request for more items than that keeps as many as it asks for.
    """

    name = "pre_ranking"

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most

    def filter(self, batch: RequestBatch, candidates: Candidates) -> Filtered:
        """Keeps the first rows of each request."""
        place = ranks(candidates.request_offsets)
        most = np.array([max(self._at_most, request.k) for request in batch.requests])
        kept = place < (most[0] if len(most) == 1 else most[candidates.request_index])
        if LITTLE_KNOWN in candidates:
            kept |= candidates[LITTLE_KNOWN] > 0
        return Filtered(kept, (Dropped("too far down in the merge", candidates.key[~kept]),))
