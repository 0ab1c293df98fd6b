"""Widget: kinds of calibrators against the number of rows that they are fitted on, for errors of several shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.losses_and_calibration.map_chart import map_chart
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Series, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["FAULTS", "KINDS", "POWERS", "CalibratorView", "CalibratorsSheet", "Fitted", "calibrator"]

FAULTS = {
    "sharp": "too sure: log odds twice what they should be",
    "thinned": "nine of ten negatives were left out, and it was not undone",
    "top": "too sure at the top alone",
    "none": "nothing: it comes true as it is",
}
"""What is wrong with a model, with its name on the page."""
KINDS = {
    "none": ("no calibrator", "faint"),
    "temperature": ("temperature", "five"),
    "platt": ("Platt", "one"),
    "beta": ("beta", "four"),
    "isotonic": ("isotonic", "two"),
    "histogram": ("histogram", "three"),
}
"""Kinds of calibrators, with their names on the page and their colours."""
POWERS = tuple(range(7, 16, 2))
"""Rows: 2 to these powers."""
OUTCOMES = {"2": "from some 500 rows on", "4": "from some 8,000 rows on", "never": "not even with 32,768 rows"}


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """One kind fitted on one number of rows, over and over.

    Attributes:
        error: root mean square of calibrated less true probability over fresh traffic, mean over draws of the rows.
        low: lower end of its 95% interval over the draws.
        high: upper end.
        values: how many different probabilities it gives to 1,000 different ones, median over the draws.
        curve: what the first draw's map says at the sheet's ``said``.
    """

    error: float
    low: float
    high: float
    values: int
    curve: tuple[float, ...]


class CalibratorsSheet(Sheet, frozen=True, kw_only=True):
    """Every kind on every number of rows, by fault.

    Attributes:
        base: true share of positives.
        draws: of rows, by place in ``POWERS``.
        said: by fault, what the model says along the maps that are drawn.
        true: by fault, what is true there.
        fitted: by fault and kind, one a power.
    """

    name: ClassVar[str] = "calibrators"
    base: float
    draws: tuple[int, ...]
    said: dict[str, tuple[float, ...]]
    true: dict[str, tuple[float, ...]]
    fitted: dict[str, dict[str, tuple[Fitted, ...]]]


@dataclass(frozen=True, slots=True)
class CalibratorView:
    """One fault, one number of rows, one kind looked at.

    Attributes:
        fault: a key of ``FAULTS``.
        kind: a key of ``KINDS``.
        power: rows are 2 to this.
    """

    sheet: CalibratorsSheet
    fault: str
    kind: str
    power: int

    @property
    def rows(self) -> int:
        """That a calibrator is fitted on."""
        return int(2**self.power)

    def at(self, kind: str, power: int | None = None, fault: str | None = None) -> Fitted:
        """A kind's figures, here or elsewhere."""
        place = POWERS.index(self.power if power is None else power)
        return self.sheet.fitted[fault or self.fault][kind][place]

    @property
    def best(self) -> str:
        """The kind with the least error."""
        return min(KINDS, key=lambda kind: self.at(kind).error)

    def enough(self) -> str:
        """Where the two intervals meet first for a model that is too sure, in terms of ``OUTCOMES``."""
        for power in POWERS:
            if self.at("isotonic", power, "sharp").low <= self.at("platt", power, "sharp").high:
                return min(("2", "4"), key=lambda n: abs(POWERS[int(n) - 1] - power))
        return "never"

    def answer(self) -> str:
        """Isotonic and Platt at the fewest and the most rows."""
        few, many = (
            (self.at("isotonic", power, "sharp").error, self.at("platt", power, "sharp").error)
            for power in (POWERS[0], POWERS[-1])
        )
        return (
            f"Where log odds are twice what they should be, isotonic regression on {2 ** POWERS[0]} rows errs by "
            f"{few[0]:.4f} and Platt by {few[1]:.4f}; on {2 ** POWERS[-1]:,} rows by {many[0]:.4f} and {many[1]:.4f}. "
            "One number is all that is wrong, and a map that may take any shape goes on paying for its freedom."
        )

    def right_guess(self) -> str:
        """By the intervals."""
        return self.enough()

    def html(self) -> Markup:
        """Error over rows, one fitted map, and all figures."""
        here, none, best = self.at(self.kind), self.at("none"), self.best
        name = KINDS[self.kind][0]
        return Markup().join(
            [
                figures(
                    Figure("positives among the rows", f"{self.rows * self.sheet.base:,.0f}", f"of {self.rows:,}", "n"),
                    Figure(f"error, {name}", f"{here.error:.4f}", f"{here.low:.4f} to {here.high:.4f}", "error"),
                    Figure("without a calibrator", f"{none.error:.4f}", "", "none"),
                    Figure("the least error", KINDS[best][0], f"{self.at(best).error:.4f}", "best"),
                    Figure("different values", f"{here.values:,}", "of 1,000", "values"),
                ),
                side_by_side(
                    log_chart(
                        "Error of the probability",
                        "rows it is fitted on",
                        [
                            Series(each, css, tuple((float(2**p), self.at(kind, p).error) for p in POWERS))
                            for kind, (each, css) in KINDS.items()
                        ],
                        now=float(self.rows),
                        form=lambda error: f"{error:.2g}",
                        log_y=True,
                    ),
                    map_chart(
                        f"The map of one draw: {name}",
                        self.sheet.said[self.fault],
                        self.sheet.true[self.fault],
                        here.curve,
                    ),
                ),
                table(
                    f"Every kind on {self.rows:,} rows ({FAULTS[self.fault]})",
                    ("kind", "error", "95% interval", "different values"),
                    [
                        (each, f"{f.error:.4f}", f"{f.low:.4f} to {f.high:.4f}", f"{f.values:,}")
                        for kind, (each, _) in KINDS.items()
                        for f in [self.at(kind)]
                    ],
                ),
            ]
        )


_sheet = SheetReader(CalibratorsSheet)


@widget(
    "calibrator",
    title="Which calibrator, on how many rows?",
    controls=(
        Choice("fault", "What is wrong with the model", tuple(FAULTS.values())),
        Slider("power", "Rows: 2 to the power of", POWERS[0], POWERS[-1], 2, 9, POWERS),
        Choice("kind", "Look at", tuple(name for name, _ in KINDS.values()), default=2),
    ),
    guess=Guess(
        "Before you look: a model's log odds are twice what they should be, so Platt's two numbers can undo it "
        "exactly. From how many rows on is isotonic regression, which may take any shape, as good?",
        OUTCOMES,
    ),
)
def calibrator(engine: Engine, state: State) -> CalibratorView:
    """Look up the fits."""
    fault, kind = tuple(FAULTS)[state["fault"]], tuple(KINDS)[state["kind"]]
    return CalibratorView(_sheet(engine), fault, kind, state["power"])
