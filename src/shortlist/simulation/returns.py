"""Whether a user comes back, and when what was bought arrives: consequences that a click does not show.

A visit's chance to be followed by another within a day is linear in what happened in it,

    P(return) = base + gain (satisfied clicks) - loss (clicks that did not satisfy)

so that its expectation over lists follows from expected clicks. Attraction makes the click, satisfaction the return:
an item that attracts and does not satisfy pays in clicks and costs returns.

A click converts with chance p, or never. One that converts does so after an exponential delay (Chapelle, KDD 2014), so
that P(seen after t | click) = p (1 - exp(-t / mean)): a log that ends today holds too few conversions of yesterday.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import ShortlistError
from shortlist.core.randomness import Rng, generator

__all__ = ["Conversions", "ReturnVisits"]


@dataclass(frozen=True, slots=True)
class ReturnVisits:
    """The chance of a return within a day.

    Attributes:
        base: after a visit without a click.
        gain: a satisfied click adds.
        loss: another click takes.

    Example:
        >>> ReturnVisits(0.5, 0.08, 0.06).expected(np.array([2.0]), np.array([0.5])).round(3).tolist()
        [0.52]
    """

    base: float = 0.5
    gain: float = 0.04
    loss: float = 0.05

    def check(self, places: int) -> None:
        """Raise unless the chance stays within [0, 1] whatever is clicked on a list of that many places.

        Raises:
            ShortlistError: it does not, and the expectation would not be linear.
        """
        if min(self.gain, self.loss) < 0.0 or self.base + self.gain * places > 1.0 or self.base < self.loss * places:
            raise ShortlistError(
                f"the chance of a return leaves 0 to 1 within {places} clicks",
                where="ReturnVisits",
                fix="lower gain or loss",
            )

    def expected(self, clicks: Float64, satisfaction: Float64) -> Float64:
        """P(return), float64 of the leading shape.

        Args:
            clicks: expected clicks of a visit, ``(...)``.
            satisfaction: share of them that satisfies, ``(...)``.
        """
        return self.base + clicks * (self.gain * satisfaction - self.loss * (1.0 - satisfaction))

    def draw(self, click: Bool, satisfied: Bool, rng: Rng) -> Bool:
        """Whether each visit is followed by another, bool ``(S,)``; arguments ``(S, L)``."""
        pleased = satisfied.sum(axis=1)
        p = self.base + self.gain * pleased - self.loss * (click.sum(axis=1) - pleased)
        return np.asarray(generator(rng).random(len(p)) < p, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Conversions:
    """Conversions of clicks, and their delay.

    Attributes:
        mean_delay_us: microseconds from click to conversion, on average.
    """

    mean_delay_us: float = 30.0 * HOUR_US

    def draw(self, p_convert: Float64, click_us: Int64, rng: Rng) -> Int64:
        """When each click converts, int64 ``(N,)`` microseconds; -1 for those that never do.

        Args:
            p_convert: chance that a click ever converts, ``(N,)``.
            click_us: ``(N,)``.
            rng: a generator or a seed.
        """
        random = generator(rng)
        delay = random.exponential(self.mean_delay_us, len(p_convert)).astype(np.int64)
        return np.where(random.random(len(p_convert)) < p_convert, click_us + delay, -1)

    def seen_by(self, p_convert: Float64, click_us: Int64, until_us: int | Array) -> Float64:
        """P(a conversion is in the log that ends at ``until_us`` | click), float64 ``(N,)``.

        Example:
            >>> Conversions(1e6).seen_by(np.array([0.5]), np.array([0]), 1_000_000).round(3).tolist()
            [0.316]
        """
        waited = np.maximum(np.asarray(until_us) - click_us, 0)
        return np.asarray(p_convert * -np.expm1(-waited / self.mean_delay_us), dtype=np.float64)
