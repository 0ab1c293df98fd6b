"""The stages of our own that every product shares: rows of the vocabulary, and what must not be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shortlist.core.arrays import Array, Bool
from shortlist.core.candidates import Candidates
from shortlist.core.columns import LITTLE_KNOWN, ROW, Column
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Dropped, Filtered
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue

__all__ = ["InCatalogueFilter", "LittleKnownHydrator", "RowHydrator", "SeenFilter"]


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
