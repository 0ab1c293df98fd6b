"""What every negative sampler gives: rows, and how often each of them was to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shortlist.core.arrays import Float64, Int64

__all__ = ["CountingSampler", "NegativeSampler", "Negatives"]


@dataclass(frozen=True, slots=True, eq=False)
class Negatives:
    r"""Negatives of a batch of B positives, with the log-Q correction of each.

    A sampled sum over the catalogue is right on average when each drawn row c is divided by E_c, the number of times
    that c is expected in the draw (Hansen & Hurwitz 1943; for softmax models Bengio & Senécal, "Adaptive importance
    sampling to accelerate training of a neural probabilistic language model", IEEE TNN 2008):

        E[ sum over drawn c of f(c) / E_c ] = sum over all c with E_c > 0 of f(c)

    Drawn m times with replacement from q, E_c = m q_c, which may exceed 1. Where each row is kept once however often
    it was drawn, E_c is its inclusion probability (Horvitz & Thompson 1952), 1 - (1 - q_c)^m. Taking one for the other
    leaves a bias on popular items that more samples do not remove. The positive itself is left out of the sum and
    added with weight 1: it is always there, nobody drew it (Khrylchenko et al., "Correcting the LogQ correction",
    RecSys 2025).

    Attributes:
        row: int64, ``(m,)`` where the batch shares its negatives, ``(B, m)`` where each positive has its own.
        log_expected: float64 of ``row``'s shape, log E_c; plus infinity where a place holds nothing.
        positive_log_expected: float64 ``(B,)``, log E of the positives' own rows, for losses that need it (NCE).
    """

    row: Int64
    log_expected: Float64
    positive_log_expected: Float64

    @property
    def shared(self) -> bool:
        """Does the batch share its negatives?"""
        return self.row.ndim == 1


class NegativeSampler(Protocol):
    """Draws the negatives of a batch."""

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:
        """Negatives for positives ``(B,)``, rows of the catalogue."""
        ...


class CountingSampler(NegativeSampler, Protocol):
    """A sampler whose draws are shared by the batch and counted with their repetitions."""

    def log_expected(self, row: Int64, batch: int) -> Float64:
        """Log of how often ``row`` is expected among the negatives of one of ``batch`` positives that is not it."""
        ...

    def log_absent(self, row: Int64, batch: int) -> Float64:
        """Log of the chance that ``row`` is not among them at all."""
        ...
