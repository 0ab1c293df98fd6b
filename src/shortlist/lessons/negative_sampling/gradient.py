"""Widget: how far the sampled softmax's gradient is from the full one's, by the number of negatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Series, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["SAMPLERS", "SIZES", "Errors", "GradientSheet", "GradientView", "gradient"]

SIZES = tuple(2**power for power in range(2, 11, 2))
"""Numbers of negatives."""
SAMPLERS = {
    "in_batch": "the batch's other positives, their frequencies counted",
    "streamed": "the same, their frequencies estimated from a stream",
    "popularity": "by popularity to the power 0.75",
    "mixed": "the batch's, and as many uniform ones",
    "hard": "half of them the user's 100 nearest, half uniform",
}
LAWS = {"0": "it stops falling", "0.5": "like 1/√m: four times the negatives halve it", "1": "like 1/m"}


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Relative errors of a gradient.

    Attributes:
        step: of a single draw, root mean square.
        mean: of the mean over all draws.
    """

    step: float
    mean: float


class GradientSheet(Sheet, frozen=True, kw_only=True):
    """Errors by sampler, number of negatives (``SIZES``) and correction.

    Attributes:
        draws: that a mean is over, for each of ``users``.
    """

    name: ClassVar[str] = "negatives-gradient"
    users: int
    items: int
    draws: int
    errors: dict[str, tuple[dict[str, Errors], ...]]


@dataclass(frozen=True, slots=True)
class GradientView:
    """One sampler's errors.

    Attributes:
        m: negatives.
    """

    sheet: GradientSheet
    sampler: str
    m: int

    def at(self, kind: str, m: int) -> Errors:
        """The errors of a correction."""
        return self.sheet.errors[self.sampler][SIZES.index(m)][kind]

    def law(self, kind: str) -> float:
        """How the mean's error falls over the last two sizes: the exponent a of m^-a."""
        few, many = self.at(kind, SIZES[-3]).mean, self.at(kind, SIZES[-1]).mean
        return math.log(few / many) / math.log(SIZES[-1] / SIZES[-3])

    def answer(self) -> str:
        """Both errors at the ends of the last two sizes."""
        ends = (SIZES[-3], SIZES[-1])
        none, right = ([self.at(kind, m).mean for m in ends] for kind in ("uncorrected", "corrected"))
        return (
            f"From {ends[0]} to {ends[1]:,} negatives the error of the mean gradient goes from {none[0]:.3f} to "
            f"{none[1]:.3f} where nothing is corrected, and from {right[0]:.3f} to {right[1]:.3f} where it is."
        )

    def right_guess(self) -> str:
        """The nearest of the three laws."""
        return min(LAWS, key=lambda law: abs(float(law) - self.law("uncorrected")))

    def html(self) -> Markup:
        """Both errors over the number of negatives, and all figures."""
        return Markup().join(
            [
                figures(
                    Figure("negatives", f"{self.m:,}", f"of {self.sheet.items:,} items", "m"),
                    *(
                        Figure(each.name, f"{self.at(kind, self.m).mean:.3f}", "error of the mean", f"mean-{kind}")
                        for kind, each in CORRECTIONS.items()
                    ),
                    Figure("a single step", f"{self.at('corrected', self.m).step:.3f}", "log E taken off", "step"),
                ),
                side_by_side(
                    self._chart(f"Error of the mean of {self.sheet.draws} draws", "mean"),
                    self._chart("Error of a single draw", "step"),
                ),
                table(
                    f"Relative error of the gradient: {SAMPLERS[self.sampler]}",
                    (
                        "negatives",
                        *(f"{c.name}, {what}" for what in ("mean", "one draw") for c in CORRECTIONS.values()),
                    ),
                    [
                        (
                            f"{m:,}",
                            *(f"{self.at(kind, m).mean:.3f}" for kind in CORRECTIONS),
                            *(f"{self.at(kind, m).step:.3f}" for kind in CORRECTIONS),
                        )
                        for m in SIZES
                    ],
                ),
            ]
        )

    def _chart(self, title: str, what: str) -> Markup:
        lines = [
            Series(each.name, each.css, tuple((float(m), float(getattr(self.at(kind, m), what))) for m in SIZES))
            for kind, each in CORRECTIONS.items()
        ]
        return log_chart(title, "negatives", lines, now=self.m, form=lambda error: f"{error:.2g}", log_y=True)


_sheet = SheetReader(GradientSheet)


@widget(
    "gradient",
    title="How far is the sampled gradient from the full one?",
    controls=(
        Choice("sampler", "Negatives are", tuple(SAMPLERS.values())),
        Slider("power", "Negatives: 2 to the power of", 2, 10, 2, 8, (2, 4, 6, 8, 10)),
    ),
    guess=Guess(
        "Before you look: take ever more of the batch's positives as negatives and correct nothing. How does the error "
        "of the gradient, averaged over many steps, fall with their number m?",
        LAWS,
    ),
)
def gradient(engine: Engine, state: State) -> GradientView:
    """Look up one sampler's errors."""
    return GradientView(_sheet(engine), tuple(SAMPLERS)[state["sampler"]], 2 ** state["power"])
