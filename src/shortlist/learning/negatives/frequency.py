"""How often an item is among the positives: counted where there is a table, estimated where there is a stream."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import gammaln

from shortlist.core.arrays import Array, Float64, Int64

__all__ = ["CountedFrequency", "Frequency", "StreamingFrequency"]


class Frequency(Protocol):
    """What is known of the positives' distribution."""

    def expected(self, row: Int64, places: int) -> Float64:
        """How often ``row`` is expected in ``places`` other places of a batch, seen from a positive that is not it."""
        ...

    def log_absent(self, row: Int64, places: int) -> Float64:
        """Log of the chance that none of these places holds ``row``."""
        ...


class CountedFrequency:
    """Exact for batches cut from a shuffled table of N positives, n_c of them of row c.

    From a positive b's place, the other places are drawn **without** replacement from the N - 1 other positives, of
    which n_c are row c (c is not b's own row):

        expected = places · n_c / (N - 1)
        P(absent) = C(N - 1 - n_c, places) / C(N - 1, places)

    Args:
        count: ``(V + 1,)``, n.

    Example:
        >>> held = CountedFrequency(np.array([0, 4, 6, 1]))
        >>> held.expected(np.array([1, 2]), 5).tolist()
        [2.0, 3.0]
    """

    def __init__(self, count: Array) -> None:
        self._count: Float64 = np.asarray(count, dtype=np.float64)
        self._others = max(float(self._count.sum()) - 1.0, 1.0)

    def expected(self, row: Int64, places: int) -> Float64:
        """``places · n / (N - 1)``."""
        return np.asarray(places * self._count[row] / self._others, dtype=np.float64)

    def log_absent(self, row: Int64, places: int) -> Float64:
        """The hypergeometric chance of none."""
        n, k = self._others, min(float(places), self._others)
        rest = n - self._count[row]
        possible = rest >= k
        rest = np.maximum(rest, k)
        log = gammaln(rest + 1) - gammaln(rest - k + 1) - gammaln(n + 1) + gammaln(n - k + 1)
        return np.where(possible, np.minimum(log, 0.0), -np.inf)


class StreamingFrequency:
    """Estimates q_c = 1 / (mean gap between positives of row c) as they stream by, in bounded memory.

    Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations", RecSys 2019,
    Algorithms 2 and 3: a bucket keeps the time A of its last sighting and a moving average D of the gaps,

        D ← (1 - α) D + α (t - A),    A ← t,    q = 1 / max over the hash functions of D

    Rows that share a bucket shorten each other's gaps, so the longest gap of several hash functions is nearest the
    truth. Two things differ from the paper. Time t counts examples, not batches: counted in batches, the gap of an
    item that is in every batch is 1 however many places it holds. A row that stands k times in a batch makes k updates
    with the mean gap. A bucket's first gap is the time since the start, in place of a constant to be guessed.

    For a stationary stream the estimate's relative standard error is about sqrt(α / (2 - α)), and its relative bias
    about α / 2 upward (1 / D is convex); a greater α follows a drift faster.

    Args:
        buckets: of each hash function.
        hashes: how many hash functions.
        rate: α.

    Example:
        >>> stream = StreamingFrequency(64, rate=0.5)
        >>> for _ in range(20):
        ...     stream.update(np.array([1, 2, 1, 3]))
        >>> stream.q(np.array([1, 2])).round(2).tolist()
        [0.5, 0.25]
    """

    def __init__(self, buckets: int, *, hashes: int = 2, rate: float = 0.02) -> None:
        self.rate = rate
        self.examples = 0
        self._buckets = buckets
        self._factor = np.random.Generator(np.random.Philox(0)).integers(1, 2**31, size=hashes) * 2 + 1
        self._last = np.zeros((hashes, buckets))
        self._gap = np.full((hashes, buckets), np.nan)

    def update(self, row: Int64) -> None:
        """Take notice of a batch of positives, ``(B,)``."""
        self.examples += len(row)
        for which, bucket in enumerate(self._places(row)):
            seen, times = np.unique(bucket, return_counts=True)
            mean = (self.examples - self._last[which, seen]) / times
            keep = (1.0 - self.rate) ** times
            before = self._gap[which, seen]
            self._gap[which, seen] = np.where(np.isnan(before), mean, keep * before + (1.0 - keep) * mean)
            self._last[which, seen] = self.examples

    def q(self, row: Int64) -> Float64:
        """The chance that an example is ``row``; of one that was never seen, below one over the examples so far."""
        gap = np.stack([self._gap[which, bucket] for which, bucket in enumerate(self._places(row))])
        longest = np.where(np.isnan(gap), self.examples + 1.0, gap).max(axis=0)
        return np.asarray(1.0 / np.maximum(longest, 1.0), dtype=np.float64)

    def expected(self, row: Int64, places: int) -> Float64:
        """``places · q``."""
        return places * self.q(row)

    def log_absent(self, row: Int64, places: int) -> Float64:
        """``places · log(1 - q)``."""
        with np.errstate(divide="ignore"):
            return np.asarray(places * np.log1p(-self.q(row)), dtype=np.float64)

    def _places(self, row: Int64) -> Int64:
        """Multiply-shift hashing (Dietzfelbinger et al. 1997): int64 ``(hashes, n)``."""
        mixed = (row[None, :].astype(np.uint64) * self._factor[:, None].astype(np.uint64)) & np.uint64(0xFFFFFFFF)
        return ((mixed * np.uint64(self._buckets)) >> np.uint64(32)).astype(np.int64)
