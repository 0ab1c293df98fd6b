"""In-batch negatives: the other positives of the batch, whose vectors are there already."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.negatives.frequency import Frequency
from shortlist.learning.negatives.sampler import Negatives

__all__ = ["InBatchNegatives"]


class InBatchNegatives:
    """All B positives serve each other: E_c = (B - 1) n_c / (N - 1) in a shuffled table, (B - 1) q_c in a stream.

    Seen from positive b, whose own row is masked as an accidental hit, B - 1 places are left. What is popular is drawn
    often; without the correction it is pushed down for that, and the model learns log p(i | u) / q(i) in place of
    log p(i | u) (Yi et al., RecSys 2019, section 3.2). What is never a positive is never a negative either.

    Args:
        frequency: of the rows among the positives.

    Example:
        >>> from shortlist.learning.negatives.frequency import CountedFrequency
        >>> sampler = InBatchNegatives(CountedFrequency(np.array([0, 4, 6, 1])))
        >>> drawn = sampler.draw(np.array([2, 1, 2]), np.random.default_rng(0))
        >>> drawn.row.tolist(), np.exp(drawn.log_expected).round(6).tolist()
        ([2, 1, 2], [1.2, 0.8, 1.2])
    """

    def __init__(self, frequency: Frequency) -> None:
        self.frequency = frequency

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:  # noqa: ARG002
        """The positives themselves, in their order."""
        log = self.log_expected(positive, len(positive))
        return Negatives(positive, log, log)

    def log_expected(self, row: Int64, batch: int) -> Float64:
        """Log of the frequency's expectation over ``batch - 1`` places."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.frequency.expected(row, batch - 1)), dtype=np.float64)

    def log_absent(self, row: Int64, batch: int) -> Float64:
        """That none of ``batch - 1`` places holds the row."""
        return self.frequency.log_absent(row, batch - 1)
