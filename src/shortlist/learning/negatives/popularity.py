"""Popularity negatives: what many have met is drawn often."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.learning.negatives.sampler import Negatives

__all__ = ["PopularityNegatives"]


class PopularityNegatives:
    """m rows with replacement from q_c = n_c^a / sum of n^a: E_c = m q_c.

    The exponent is that of Mikolov et al. ("Distributed representations of words and phrases", NeurIPS 2013), who
    took 0.75. An item with n_c = 0 is never drawn, so nothing pushes it down: where that matters, mix with uniform
    negatives.

    Args:
        count: ``(V + 1,)``, n; row 0 counts for nothing.
        m: negatives a batch.
        exponent: a.

    Raises:
        DataError: no row has a positive count.

    Example:
        >>> sampler = PopularityNegatives(np.array([0, 1, 3]), 8, exponent=1.0)
        >>> np.exp(sampler.log_expected(np.array([1, 2]), 4)).round(6).tolist()
        [2.0, 6.0]
    """

    def __init__(self, count: Array, m: int, *, exponent: float = 0.75) -> None:
        held = np.asarray(count, dtype=np.float64).copy()
        held[0] = 0.0
        weight = np.power(held, exponent, out=np.zeros_like(held), where=held > 0)
        if not weight.sum() > 0:
            raise DataError("no item has a count to be drawn by", where="count", fix="count the positives of each row")
        self.m = m
        self._q: Float64 = weight / weight.sum()
        self._upto: Float64 = np.cumsum(self._q)
        self._last = int(np.flatnonzero(weight)[-1])

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:
        """Rows ``(m,)``, shared by the batch."""
        found = np.searchsorted(self._upto, rng.random(self.m), side="right")
        row = np.minimum(found, self._last).astype(np.int64)
        return Negatives(row, self.log_expected(row, len(positive)), self.log_expected(positive, len(positive)))

    def log_expected(self, row: Int64, batch: int) -> Float64:  # noqa: ARG002
        """log(m q)."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.m * self._q[row]), dtype=np.float64)

    def log_absent(self, row: Int64, batch: int) -> Float64:  # noqa: ARG002
        """The log of (1 - q)^m."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.m * np.log1p(-self._q[row]), dtype=np.float64)
