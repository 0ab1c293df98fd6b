"""Uniform negatives: every item of the catalogue is as likely as any other."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.negatives.sampler import Negatives

__all__ = ["UniformNegatives"]


class UniformNegatives:
    """m rows with replacement from 1 to V: E_c = m / V.

    The correction is one constant for all items. It still matters: it says how much the positive, which is always
    there, weighs against the sample.

    Args:
        n_rows: V + 1; row 0, the unknown item, is never drawn.
        m: negatives a batch.

    Example:
        >>> drawn = UniformNegatives(5, 8).draw(np.array([1, 2]), np.random.default_rng(0))
        >>> drawn.row.shape, float(np.exp(drawn.log_expected[0]))
        ((8,), 2.0)
    """

    def __init__(self, n_rows: int, m: int) -> None:
        self.n_rows = n_rows
        self.m = m

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:
        """Rows ``(m,)``, shared by the batch."""
        row = rng.integers(1, self.n_rows, size=self.m)
        return Negatives(row, self.log_expected(row, len(positive)), self.log_expected(positive, len(positive)))

    def log_expected(self, row: Int64, batch: int) -> Float64:  # noqa: ARG002
        """log(m / V)."""
        return np.full(len(row), np.log(self.m / (self.n_rows - 1)))

    def log_absent(self, row: Int64, batch: int) -> Float64:  # noqa: ARG002
        """The log of (1 - 1 / V)^m."""
        with np.errstate(divide="ignore"):
            return np.full(len(row), self.m * np.log1p(-1.0 / (self.n_rows - 1)))
