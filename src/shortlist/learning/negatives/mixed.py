"""Mixed negatives: two samplers side by side, as a rule the batch and a few uniform ones."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.negatives.sampler import CountingSampler, Negatives

__all__ = ["MixedNegatives"]


class MixedNegatives:
    """The draws of both samplers laid end to end: E_c is the **sum** of their expectations, whoever drew c.

    Yang et al., "Mixed negative sampling for learning two-tower neural networks in recommendations", WWW 2020: in the
    batch, items of the long tail are hardly ever negatives, so nothing corrects a tail item that the model places too
    high; a uniform share reaches all of them. Each c corrected by its own sampler's expectation alone would count
    rows that both can draw twice.

    Args:
        first: for example in-batch.
        second: for example uniform.

    Example:
        >>> from shortlist.learning.negatives.uniform import UniformNegatives
        >>> mixed = MixedNegatives(UniformNegatives(5, 4), UniformNegatives(5, 8))
        >>> drawn = mixed.draw(np.array([1]), np.random.default_rng(0))
        >>> len(drawn.row), round(float(np.exp(drawn.log_expected[0])), 6)
        (12, 3.0)
    """

    def __init__(self, first: CountingSampler, second: CountingSampler) -> None:
        self.first = first
        self.second = second

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:
        """The rows of the first, then those of the second."""
        row = np.concatenate([self.first.draw(positive, rng).row, self.second.draw(positive, rng).row])
        batch = len(positive)
        return Negatives(row, self.log_expected(row, batch), self.log_expected(positive, batch))

    def log_expected(self, row: Int64, batch: int) -> Float64:
        """Log of the sum of both expectations."""
        both = np.logaddexp(self.first.log_expected(row, batch), self.second.log_expected(row, batch))
        return np.asarray(both, dtype=np.float64)

    def log_absent(self, row: Int64, batch: int) -> Float64:
        """Neither draws it: the two are independent."""
        return self.first.log_absent(row, batch) + self.second.log_absent(row, batch)
