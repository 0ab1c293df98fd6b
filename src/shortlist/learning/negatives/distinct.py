"""Distinct negatives: every row once, however often it was drawn."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.negatives.sampler import CountingSampler, Negatives

__all__ = ["DistinctNegatives"]


class DistinctNegatives:
    """The distinct rows of another sampler's draw: E_c is the inclusion probability 1 - P(c is absent).

    For m draws with replacement that is 1 - (1 - q_c)^m (Horvitz & Thompson, JASA 1952). It says the same as counting
    does, with less work and less variance: a batch of 8,192 positives over a skewed catalogue holds far fewer rows.

    Args:
        of: the sampler whose repetitions are dropped.

    Example:
        >>> from shortlist.learning.negatives.uniform import UniformNegatives
        >>> drawn = DistinctNegatives(UniformNegatives(3, 2)).draw(np.array([1]), np.random.default_rng(0))
        >>> round(float(np.exp(drawn.log_expected[0])), 6)
        0.75
    """

    def __init__(self, of: CountingSampler) -> None:
        self.of = of

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:
        """The drawn rows, sorted, each once."""
        row = np.unique(self.of.draw(positive, rng).row)
        return Negatives(row, self._log_inclusion(row, len(positive)), self._log_inclusion(positive, len(positive)))

    def _log_inclusion(self, row: Int64, batch: int) -> Float64:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(-np.expm1(self.of.log_absent(row, batch))), dtype=np.float64)
