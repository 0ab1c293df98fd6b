"""Widget: a model that is too sure, or wrong by a factor: its calibration error, and who wins a page at which price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Array, Float64
from shortlist.core.money import format_micros
from shortlist.evaluation.calibration import (
    chance_calibration_error,
    debiased_calibration_error,
    expected_calibration_error,
)
from shortlist.evaluation.metrics.auc import auc
from shortlist.evaluation.reliability import ReliabilityBin, reliability_table
from shortlist.funnel.engine import Engine
from shortlist.learning.calibration.temperature import at_temperature
from shortlist.lessons.losses_and_calibration.sale_table import sale_table
from shortlist.lessons.losses_and_calibration.sold_page import Sale, SoldPage, sell
from shortlist.lessons.reliability_chart import reliability_chart
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["ERRORS", "PAGES", "SIZES", "ConfidenceSheet", "ConfidenceView", "Effect", "confidence", "distorted"]

ERRORS = {"temperature": "log odds divided by a temperature", "factor": "every probability times one factor"}
"""What may be wrong with the model, with its name on the page."""
SIZES = tuple(range(30, 201, 10))
"""Temperatures and factors, in percent."""
PAGES = 6
GUESSES = {"0": "never, for no order has changed", "10": "on about 10% of pages", "40": "about 40%", "70": "about 70%"}
GUESSED_AT = 50


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What the market's auctions made of a distorted model, against the calibrated one, pages paired.

    Attributes:
        welfare: relative change of true welfare, with both ends of its 95% interval over auctions.
        revenue: of true revenue, likewise.
        moved: share of the auctions in which a slot went to another ad.
    """

    welfare: tuple[float, float, float]
    revenue: tuple[float, float, float]
    moved: float


class ConfidenceSheet(Sheet, frozen=True, kw_only=True):
    """Pages of the release, and a simulated market whose truth is known.

    Attributes:
        pages: with the most campaigns first.
        auctions: of the market.
        advertisers: in each.
        slots: of each.
        probability: what the calibrated model says, a row an ad of the market.
        click: 1 where the ad, shown at slot 1, was clicked.
        effects: by the keys of ``ERRORS``, one a size.
    """

    name: ClassVar[str] = "confidence"
    pages: tuple[SoldPage, ...]
    auctions: int
    advertisers: int
    slots: int
    probability: tuple[float, ...]
    click: tuple[int, ...]
    effects: dict[str, tuple[Effect, ...]]


def distorted(probability: Array, error: str, percent: int) -> Float64:
    """What a model says that is wrong in this way; a factor may lead beyond 1, which an auction does not mind.

    Args:
        probability: ``(N,)``, calibrated.
        error: a key of ``ERRORS``.
        percent: temperature or factor.
    """
    p = np.asarray(probability, dtype=np.float64)
    return at_temperature(p, percent / 100.0) if error == "temperature" else p * percent / 100.0


@dataclass(frozen=True, slots=True, eq=False)
class ConfidenceView:
    """One page and the market, under one error of one size.

    Attributes:
        page: of the release.
        error: a key of ``ERRORS``.
        percent: temperature or factor.
        bins: of the calibration errors.
        right: the sale by the calibrated probabilities.
        wrong: the sale by the distorted ones.
        said: what the model says of the page's ads, ``(n,)``.
        table: the market's reliability, a bin a row.
        plain: expected calibration error over the market.
        chance: the ECE that the same probabilities would show if they were right.
        debiased: signed and debiased, likewise.
        area: under the ROC curve, likewise.
    """

    sheet: ConfidenceSheet
    page: SoldPage
    error: str
    percent: int
    bins: int
    right: Sale
    wrong: Sale
    said: Float64
    table: tuple[ReliabilityBin, ...]
    plain: float
    chance: float
    debiased: float
    area: float

    @property
    def effect(self) -> Effect:
        """On the market."""
        return self.sheet.effects[self.error][SIZES.index(self.percent)]

    @property
    def places(self) -> int:
        """Slots of the page that went to another ad."""
        return sum(a != b for a, b in zip(self.right.ad, self.wrong.ad, strict=True))

    def answer(self) -> str:
        """How many pages of the market are sold otherwise at a temperature of one half."""
        sharp = self.sheet.effects["temperature"][SIZES.index(GUESSED_AT)]
        estimate, low, high = sharp.welfare
        return (
            f"With log odds twice what they should be, {sharp.moved:.0%} of {self.sheet.auctions:,} simulated pages "
            f"have another ad in some slot, and the page's true worth changes by {estimate:+.1%} (95% interval "
            f"{low:+.1%} to {high:+.1%}). The order of the probabilities, and so the AUC, is the same; the order of "
            "bid times probability is not."
        )

    def right_guess(self) -> str:
        """The nearest option."""
        moved = self.sheet.effects["temperature"][SIZES.index(GUESSED_AT)].moved
        return min(GUESSES, key=lambda option: abs(float(option) / 100.0 - moved))

    def html(self) -> Markup:
        """The page as it is sold, the market's calibration, and what the market loses."""
        worth = self.wrong.worth(self.page) / self.right.worth(self.page) - 1.0
        paid = self.wrong.paid(self.page) / self.right.paid(self.page) - 1.0
        effect = self.effect
        return Markup().join(
            [
                Markup('<p class="small muted">{}</p>').format(
                    f"One page of this release, for “{self.page.query}”: {len(self.page.bid)} ads may run, of "
                    f"{len(set(self.page.campaign))} campaigns."
                ),
                figures(
                    Figure("sold to another ad", str(self.places), f"of {len(self.wrong.ad)} slots", "places"),
                    Figure("a click in slot 1", format_micros(self.wrong.price[0]), self._was(), "price"),
                    Figure("worth of the page", f"{worth:+z.1%}", "to who bids", "worth"),
                    Figure("paid for it", f"{paid:+z.1%}", "by the calibrated p", "paid"),
                ),
                sale_table(self.page, self.right, self.wrong, self.said),
                Markup('<p class="small muted">{}</p>').format(
                    f"A SIMULATED market, whose truth is known: {self.sheet.auctions:,} pages, "
                    f"{self.sheet.advertisers} advertisers each, {self.sheet.slots} slots, no reserve."
                ),
                figures(
                    Figure("ECE", f"{self.plain:.4f}", f"{self.bins} bins", "ece"),
                    Figure("by chance alone", f"{self.chance:.4f}", "were the model right", "chance"),
                    Figure("debiased error", f"{self.debiased:+.4f}", "root mean square", "debiased"),
                    Figure("AUC", f"{self.area:.4f}", "", "auc"),
                    Figure("true worth", f"{effect.welfare[0]:+z.1%}", _interval(effect.welfare), "welfare"),
                    Figure("truly paid", f"{effect.revenue[0]:+z.1%}", _interval(effect.revenue), "revenue"),
                    Figure("pages sold otherwise", f"{effect.moved:.0%}", "in some slot", "moved"),
                ),
                side_by_side(
                    reliability_chart(f"Predicted and happened, {self.bins} bins", self.table), self._losses()
                ),
                self._sizes(),
            ]
        )

    def _was(self) -> str:
        return f"{format_micros(self.right.price[0])} calibrated"

    def _losses(self) -> Markup:
        effects = self.sheet.effects[self.error]
        lines = [
            Series(name, css, tuple((s / 100.0, getattr(e, what)[0]) for s, e in zip(SIZES, effects, strict=True)))
            for name, css, what in (("true worth", "one", "welfare"), ("truly paid", "two", "revenue"))
        ]
        heights = [height for line in lines for _, height in line.points]
        low, high = min(*heights, -0.01), max(*heights, 0.01)
        ends = (SIZES[0] / 100.0, SIZES[-1] / 100.0)
        ticks = tuple((at, f"{at:g}") for at in (0.3, 0.5, 1.0, 1.5, 2.0))
        panel = Panel("Against the calibrated model", self.error, ends, (low, high), ticks)
        return chart(panel, lines, now=self.percent / 100.0, percent=True)

    def _sizes(self) -> Markup:
        return table(
            f"Every size of this error ({ERRORS[self.error]})",
            (self.error, "true worth", "95% interval", "truly paid", "95% interval", "pages sold otherwise"),
            [
                (
                    f"{size / 100:g}",
                    f"{e.welfare[0]:+z.1%}",
                    _interval(e.welfare),
                    f"{e.revenue[0]:+z.1%}",
                    _interval(e.revenue),
                    f"{e.moved:.0%}",
                )
                for size, e in zip(SIZES, self.sheet.effects[self.error], strict=True)
            ],
        )


def _interval(found: tuple[float, float, float]) -> str:
    return f"{found[1]:+z.1%} to {found[2]:+z.1%}"


_sheet = SheetReader(ConfidenceSheet)


@widget(
    "confidence",
    title="What does a model that is too sure of itself cost?",
    controls=(
        Choice("error", "What is wrong with the model", tuple(ERRORS.values())),
        Slider(
            "size",
            "Temperature, or factor, in percent (100 is right)",
            SIZES[0],
            SIZES[-1],
            10,
            50,
            (30, 50, 70, 100, 200),
        ),
        Slider("bins", "Bins of the calibration error", 5, 50, 5, 15, (5, 15, 50)),
        Slider("page", "Page of this release", 1, PAGES, 1, 1, (1, 2)),
    ),
    guess=Guess(
        "Before you look: a model's log odds are twice what they should be. All advertisers are mistaken alike, and no "
        "ad overtakes another in probability. How often is some slot of a page sold to another ad?",
        GUESSES,
    ),
)
def confidence(engine: Engine, state: State) -> ConfidenceView:
    """Sell a page of the release twice, and measure the distorted model on the market's clicks."""
    sheet = _sheet(engine)
    page = sheet.pages[(state["page"] - 1) % len(sheet.pages)]
    error = tuple(ERRORS)[state["error"]]
    said = distorted(np.array(page.p_click_1), error, state["size"])
    predicted = np.minimum(distorted(np.array(sheet.probability), error, state["size"]), 1.0)
    click = np.array(sheet.click)
    return ConfidenceView(
        sheet=sheet,
        page=page,
        error=error,
        percent=state["size"],
        bins=state["bins"],
        right=sell(engine, page, np.array(page.p_click_1)),
        wrong=sell(engine, page, said),
        said=said,
        table=reliability_table(predicted, click, bins=state["bins"]),
        plain=expected_calibration_error(predicted, click, bins=state["bins"]),
        chance=chance_calibration_error(predicted, bins=state["bins"]),
        debiased=debiased_calibration_error(predicted, click, bins=state["bins"]),
        area=auc(predicted, click),
    )
