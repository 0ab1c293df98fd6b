"""When requests come: a Poisson stream whose rate follows the hours of the week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import ShortlistError
from shortlist.core.randomness import Rng, generator

__all__ = ["HOURS_OF_A_WEEK", "Arrivals", "hour_of_week"]

HOURS_OF_A_WEEK = 168
_MONDAY_US = 4 * 24 * HOUR_US
"""1970 began on a Thursday; its first Monday was four days later."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """The shape of the stream.

    Attributes:
        share: float64 ``(168,)``, of a week's requests in each hour from Monday 00:00 UTC; sums to 1.

    Example:
        >>> stream = Arrivals.daily(peak_hour=20, swing=0.8)
        >>> int(stream.share[:24].argmax()), round(float(stream.share.sum()), 9)
        (20, 1.0)
    """

    share: Float64

    def __post_init__(self) -> None:
        if self.share.shape != (HOURS_OF_A_WEEK,) or self.share.min() < 0.0 or not np.isclose(self.share.sum(), 1.0):
            raise ShortlistError("not the shares of 168 hours", where="Arrivals", fix="give shares that sum to 1")

    @classmethod
    def daily(cls, *, peak_hour: int = 20, swing: float = 0.8) -> Arrivals:
        """Every day alike: a cosine around ``peak_hour`` that leaves ``1 - swing`` of the mean at its lowest."""
        hour = np.arange(HOURS_OF_A_WEEK)
        rate = 1.0 + swing * np.cos(2.0 * np.pi * (hour - peak_hour) / 24.0)
        return cls(rate / rate.sum())

    @classmethod
    def of_log(cls, at_us: Int64) -> Arrivals:
        """The shape of a log, each hour of the week with one request more than it had, so that none is impossible."""
        counts = np.bincount(hour_of_week(at_us), minlength=HOURS_OF_A_WEEK) + 1.0
        return cls(counts / counts.sum())

    def draw(self, n: int, *, start_us: int, days: int, rng: Rng) -> Int64:
        """Times of n requests, rising, int64 ``(n,)``: the stream, given that n came.

        Args:
            n: how many.
            start_us: microseconds UTC, a whole hour.
            days: that the stream lasts.
            rng: a generator or a seed.
        """
        random = generator(rng)
        hours = start_us + HOUR_US * np.arange(24 * days, dtype=np.int64)
        rate = self.share[hour_of_week(hours)]
        in_hour = random.multinomial(n, rate / rate.sum())
        return np.sort(np.repeat(hours, in_hour) + random.integers(HOUR_US, size=n))


def hour_of_week(at_us: Int64) -> Int64:
    """0 for Monday 00:00 to 01:00 UTC, up to 167."""
    return np.asarray((at_us - _MONDAY_US) // HOUR_US % HOURS_OF_A_WEEK, dtype=np.int64)
