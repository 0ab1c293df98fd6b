"""Widget: how many cross layers an interaction needs, on planted interactions of a known order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["LAYERS", "ORDERS", "DepthSheet", "DepthView", "depth"]

LAYERS = (0, 1, 2, 3, 4)
ORDERS = (2, 3, 4)
WORDS = ("two", "three", "four")
COLOURS = ("one", "two", "three")
CHANCE = 0.5


class DepthSheet(Sheet, frozen=True, kw_only=True):
    """Cross networks on simulated rows, of which each order's first switches decide together.

    Attributes:
        switches: of a row.
        strength: of the planted log odds.
        learned: rows that were learned from.
        judged: rows that the AUC is over.
        truth: AUC of the true log odds, by order.
        cross: AUC of the cross network alone, by order and by layers (``LAYERS``).
        trees: AUC of boosted trees, by order.
    """

    name: ClassVar[str] = "ranking-depth"
    switches: int
    strength: float
    learned: int
    judged: int
    truth: tuple[float, ...]
    cross: tuple[tuple[float, ...], ...]
    trees: tuple[float, ...]

    def enough(self, order: int) -> int | None:
        """The fewest layers that get more than half of what can be had above chance; None where none do."""
        half = 0.5 * (self.truth[order] + CHANCE)
        return next((layers for layers, auc in zip(LAYERS, self.cross[order], strict=True) if auc > half), None)


@dataclass(frozen=True, slots=True)
class DepthView:
    """One order (its place in ``ORDERS``) and one depth."""

    sheet: DepthSheet
    order: int
    layers: int

    def answer(self) -> str:
        """Where three features together are found, and what one layer less makes of them."""
        three = ORDERS.index(3)
        enough, truth = self.sheet.enough(three), self.sheet.truth[three]
        if enough is None:
            return (
                f"With {self.sheet.learned:,} rows no depth finds an interaction of three; the truth has {truth:.3f}."
            )
        fewer = self.sheet.cross[three][max(enough - 1, 0)]
        return (
            f"An interaction of three needs {enough} cross {'layer' if enough == 1 else 'layers'}: AUC "
            f"{self.sheet.cross[three][enough]:.3f}, where the truth has {truth:.3f}; with one less it is {fewer:.3f}."
        )

    def right_guess(self) -> str:
        """The number of layers; "none" where no depth was enough."""
        enough = self.sheet.enough(ORDERS.index(3))
        return "none" if enough is None or enough == 0 else str(enough)

    def html(self) -> Markup:
        """The AUC at the slider's place, and all of them over the depth."""
        sheet, order = self.sheet, self.order
        enough = sheet.enough(order)
        lines = [
            Series(f"of {word}", css, tuple((float(k), auc) for k, auc in zip(LAYERS, own, strict=True)))
            for word, css, own in zip(WORDS, COLOURS, sheet.cross, strict=True)
        ]
        panel = Panel("AUC of the cross network", "cross layers", (0.0, float(LAYERS[-1])), (0.4, 0.9))
        error = (1.0 / (3.0 * sheet.judged)) ** 0.5
        return Markup().join(
            [
                figures(
                    Figure("AUC", f"{sheet.cross[order][self.layers]:.3f}", f"cross layers: {self.layers}", "auc"),
                    Figure("the truth's", f"{sheet.truth[order]:.3f}", "nobody can do better", "truth"),
                    Figure("boosted trees", f"{sheet.trees[order]:.3f}", "on the same rows", "trees"),
                    Figure("enough", "none" if enough is None else str(enough), "layers", "enough"),
                ),
                side_by_side(
                    chart(panel, lines, now=float(self.layers)),
                    bars(
                        f"AUC above chance, cross layers: {self.layers}",
                        [f"interaction of {word}" for word in WORDS],
                        [
                            Bars("cross network", "one", tuple(own[self.layers] - CHANCE for own in sheet.cross)),
                            Bars("boosted trees", "two", tuple(auc - CHANCE for auc in sheet.trees)),
                            Bars("truth", "faint", tuple(auc - CHANCE for auc in sheet.truth)),
                        ],
                        form=lambda value: f"{value:+z.3f}",
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"{sheet.learned:,} simulated rows of {sheet.switches} switches, each -1 or 1; the first two, "
                    f"three or four of them decide together, and the others are noise. AUC over {sheet.judged:,} other "
                    f"rows: that of a blind guess scatters by {error:.3f} around {CHANCE}."
                ),
                table(
                    "All depths, in figures",
                    ("interaction of", *(f"{k} layers" for k in LAYERS), "trees", "truth"),
                    [
                        (word, *(f"{auc:.3f}" for auc in own), f"{trees:.3f}", f"{truth:.3f}")
                        for word, own, trees, truth in zip(WORDS, sheet.cross, sheet.trees, sheet.truth, strict=True)
                    ],
                ),
            ]
        )


_sheet = SheetReader(DepthSheet)


@widget(
    "depth",
    title="How many cross layers does an interaction need?",
    controls=(
        Choice("order", "The label hangs on an interaction of", WORDS, 1),
        Slider("layers", "Cross layers", LAYERS[0], LAYERS[-1], 1, 1, LAYERS),
    ),
    guess=Guess(
        "Before you look: three switches decide together, and any two of them say nothing. How many cross layers does "
        "it take to see them?",
        {"1": "one", "2": "two", "3": "three", "none": "none of these depths will do"},
    ),
)
def depth(engine: Engine, state: State) -> DepthView:
    """Look one order and depth up."""
    return DepthView(_sheet(engine), state["order"], state["layers"])
