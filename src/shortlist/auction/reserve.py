"""The bid reserve: the least a click may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shortlist.core.arrays import Array
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RESERVE, Column
from shortlist.core.errors import ShortlistError
from shortlist.core.money import Micros
from shortlist.core.request import RequestBatch

__all__ = ["ReserveHydrator"]


class ReserveHydrator:
    """Adds ``RESERVE``, the same for every ad.

    Args:
        reserve: micros a click, at least 0.
    """

    name = "reserve"

    def __init__(self, reserve: Micros) -> None:
        if reserve < 0:
            raise ShortlistError(f"the reserve is {reserve} micros", where="ReserveHydrator", fix="give 0 or more")
        self.reserve = reserve

    def hydrate(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:  # noqa: ARG002
        """``RESERVE``, int64 micros a row."""
        return {RESERVE: np.full(len(candidates), self.reserve, dtype=np.int64)}
