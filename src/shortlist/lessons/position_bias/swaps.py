"""Widget: how many pages must be swapped to learn how often each place is looked at, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Float64
from shortlist.funnel.engine import Engine
from shortlist.learning.propensity.curve import ExaminationCurve, inverse_propensity_weights
from shortlist.learning.propensity.harvest import curve_from_harvest
from shortlist.learning.propensity.swaps import curve_from_swaps
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.interval_chart import Points, interval_chart
from shortlist.lessons.position_bias.readers import READERS
from shortlist.lessons.views import Figure, Series, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["ATTRACTIONS", "DAY", "ETA", "OTHER_ORDER", "POWERS", "SwapsView", "swaps"]

ATTRACTIONS = np.array([0.30, 0.33, 0.22, 0.26, 0.18, 0.12, 0.16, 0.10, 0.08, 0.09])
"""P(click | looked at) of items A to J, in the order in which the ranker always shows them."""
OTHER_ORDER = (1, 3, 0, 6, 2, 4, 9, 5, 7, 8)
"""In which a second ranker shows the same items, in an A/B that somebody ran for another reason."""
PLACES = len(ATTRACTIONS)
DAY = 100_000
"""Pages."""
HARVESTED = 20_000
"""Pages of the A/B."""
ETA = 1.0
POWERS = tuple(range(8, 17))
CLIP = 50.0
GUESSES = {"0.05": "± 5% of itself", "0.2": "± 20%", "0.7": "± 70%"}
GUESSED = 10
HALF = 1.96
_DRAWN = [0, 1, 3, 6, 9]
"""Items whose click rates are drawn."""


class _World:
    """What is true of one kind of reader."""

    def __init__(self, reader: int) -> None:
        self.click = READERS[reader].click_table(ATTRACTIONS, PLACES, ETA)
        self.true: Float64 = (np.arange(1, PLACES + 1) ** -ETA).astype(np.float64)

    @cached_property
    def in_order(self) -> Float64:
        """P(click) of each place as the ranker fills it, ``(L,)``."""
        return np.asarray(np.diag(self.click), dtype=np.float64)

    @cached_property
    def loss(self) -> float:
        """Clicks that a swapped page gives up, on average over partners and the coin."""
        first, own, low = self.click[0, 0], self.in_order[1:], self.click[0, 1:]
        swapped = low + self.click[np.arange(1, PLACES), 0]
        return float(0.5 * (first + own - swapped).mean())

    def spread(self, place: int, lists: float) -> tuple[float, float]:
        """What swaps tend to, and the standard error to be expected of ``lists`` lists, for a place from 1 on."""
        top = np.array([self.click[0, 0], self.click[0, place]])
        low = np.array([self.click[place, place], self.click[place, 0]])
        ratio = low.mean() / top.mean()
        by_coin = low * (1.0 - low) + ratio**2 * top * (1.0 - top) + (low - ratio * top) ** 2
        return float(ratio), float(np.sqrt(by_coin.mean() / lists) / top.mean())

    @cached_property
    def harvested(self) -> ExaminationCurve:
        """What the A/B of two rankers says, for which nothing was swapped."""
        rng = np.random.default_rng(1)
        order = np.array([np.arange(PLACES), OTHER_ORDER])[rng.integers(2, size=HARVESTED)]
        place = np.broadcast_to(np.arange(PLACES), order.shape)
        click = rng.random(order.shape) < self.click[place, order]
        return curve_from_harvest(order.ravel(), place.ravel(), click.ravel(), places=PLACES)

    def swapped(self, lists: int) -> ExaminationCurve:
        """A day's swaps: the partner is drawn, a fair coin decides, and people click."""
        rng = np.random.default_rng(0)
        partner = rng.integers(1, PLACES, lists)
        coin = rng.random(lists) < 0.5
        first = rng.random(lists) < self.click[0, np.where(coin, partner, 0)]
        low = rng.random(lists) < self.click[partner, np.where(coin, 0, partner)]
        return curve_from_swaps(partner, first, low, places=PLACES)


@lru_cache(maxsize=len(READERS))
def _world(reader: int) -> _World:
    return _World(reader)


@dataclass(frozen=True)
class SwapsView:
    """One state; the attributes are the controls' values."""

    power: int
    reader: int

    @cached_property
    def world(self) -> _World:
        """What is true."""
        return _world(self.reader)

    @cached_property
    def curve(self) -> ExaminationCurve:
        """What the swaps say."""
        return self.world.swapped(2**self.power)

    def off(self, curve: ExaminationCurve) -> float:
        """Root mean square of the relative errors below the first place."""
        return float(np.sqrt(np.nanmean((curve.examination[1:] / self.world.true[1:] - 1.0) ** 2)))

    @property
    def expected(self) -> tuple[float, float]:
        """What swaps tend to at the last place, and the standard error to be expected, relative to it."""
        ratio, error = self.world.spread(PLACES - 1, 2**self.power / (PLACES - 1))
        return ratio, error / ratio

    @cached_property
    def corrected(self) -> Float64:
        """Click rates in the ranker's order, weighed by the swaps' curve; NaN where it has no estimate."""
        known = np.flatnonzero(np.isfinite(self.curve.examination))
        out = np.full(PLACES, np.nan)
        out[known] = self.world.in_order[known] * inverse_propensity_weights(known, self.curve.examination, clip=CLIP)
        return out

    def answer(self) -> str:
        """Of 1,024 swapped pages, with its arithmetic."""
        asked = SwapsView(GUESSED, 0)
        lists = 2**GUESSED / (PLACES - 1)
        low = 0.5 * (asked.world.click[-1, -1] + asked.world.click[-1, 0])
        return (
            f"± {asked.expected[1]:.0%}. Each of nine partners gets {lists:.0f} lists; place {PLACES} is clicked in "
            f"{low:.2%} of them, {lists * low:.1f} times, and a count of {lists * low:.1f} scatters by its root."
        )

    def right_guess(self) -> str:
        """The nearest, on a log scale."""
        error = SwapsView(GUESSED, 0).expected[1]
        return min(GUESSES, key=lambda option: abs(np.log(float(option) / error)))

    def html(self) -> Markup:
        """The curve with its intervals, and what it makes of the items' click rates."""
        world, curve, pages = self.world, self.curve, 2**self.power
        ratio, error = self.expected
        by_rate = world.in_order / world.in_order[0]
        places = np.arange(1.0, PLACES + 1)
        seen = [r for r in range(1, PLACES) if np.isfinite(curve.standard_error[r])]

        def line(name: str, css: str, heights: Float64) -> Series:
            return Series(name, css, tuple(zip(places.tolist(), heights.tolist(), strict=True)))

        return Markup().join(
            [
                figures(
                    Figure("swapped", f"{pages:,}", f"pages, {pages / DAY:.1%} of a day", "pages"),
                    Figure("given up", f"{world.loss * pages:,.0f}", "clicks, expected", "loss"),
                    Figure("place 10", f"{curve.examination[-1]:.3f}", f"true {world.true[-1]:.3f}", "last"),
                    Figure("swaps tend to", f"{ratio:.3f}", "at place 10", "limit"),
                    Figure("its error", f"± {error:.0%}", "one standard error", "expected"),
                    Figure("swaps are off by", f"{self.off(curve):.0%}", "root mean square", "off"),
                    Figure("harvest is off by", f"{self.off(world.harvested):.0%}", "no page swapped", "harvest"),
                ),
                side_by_side(
                    interval_chart(
                        "Looked at, relative to place 1",
                        "place",
                        Points(
                            "swaps, 95%",
                            "one",
                            tuple(
                                (
                                    r + 1.0,
                                    float(curve.examination[r] - HALF * curve.standard_error[r]),
                                    float(curve.examination[r]),
                                    float(curve.examination[r] + HALF * curve.standard_error[r]),
                                )
                                for r in seen
                            ),
                        ),
                        [
                            line("truth", "faint", world.true),
                            line("harvest", "two", world.harvested.examination),
                            line("click rate", "three", by_rate),
                        ],
                        high=1.2,
                    ),
                    bars(
                        "P(click | looked at) of an item",
                        [f"{chr(65 + n)}, place {n + 1}" for n in _DRAWN],
                        [
                            Bars("truth", "faint", tuple(ATTRACTIONS[_DRAWN].tolist())),
                            Bars("click rate", "two", tuple(world.in_order[_DRAWN].tolist())),
                            Bars("over swaps' curve", "one", tuple(np.minimum(self.corrected, 1.0)[_DRAWN].tolist())),
                        ],
                        form=lambda value: f"{value:.0%}",
                        left=78.0,
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"A day has {DAY:,} pages. The ranker always shows A to J in this order, so that its log alone "
                    f"cannot tell a poor item from a poor place. Harvest: {HARVESTED:,} pages of an A/B. "
                    f"Reading with strength {ETA:g}; clicks are drawn with a fixed seed."
                ),
                table(
                    "All places, in figures",
                    ("place", "truth", "swaps", "standard error", "harvest", "click rate"),
                    [
                        (
                            str(r + 1),
                            f"{world.true[r]:.3f}",
                            *(f"{each[r]:.3f}" for each in (curve.examination, curve.standard_error)),
                            f"{world.harvested.examination[r]:.3f}",
                            f"{by_rate[r]:.3f}",
                        )
                        for r in range(PLACES)
                    ],
                ),
            ]
        )


@widget(
    "swaps",
    title="How many pages must be swapped to know the curve?",
    controls=(
        Slider("power", "Swapped pages: 2 to the power of", POWERS[0], POWERS[-1], 1, GUESSED, POWERS),
        Choice("reader", "People", tuple(reader.name for reader in READERS[:2])),
    ),
    guess=Guess(
        f"Before you look: of {DAY:,} pages 1% have their first item swapped with that of a place drawn among the "
        "other nine. People look at place r with chance 1/r. How well is place 10 known, one standard error?",
        GUESSES,
    ),
)
def swaps(engine: Engine, state: State) -> SwapsView:  # noqa: ARG001 - the page is planted, the estimators are the engine's
    """Draw a day's swaps, and estimate."""
    return SwapsView(state["power"], state["reader"])
