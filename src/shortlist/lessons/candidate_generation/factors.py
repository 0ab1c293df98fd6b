"""Widget: rank and regularisation of a matrix factorization, on what it learned from and on what it did not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, State, widget

__all__ = ["FACTORS", "METRICS", "REGULARIZATIONS", "Cell", "FactorsSheet", "FactorsView", "factors"]

FACTORS = (4, 8, 16, 32, 64, 128)
REGULARIZATIONS = (1, 10, 30, 100, 300)
METRICS = ("recall@50", "NDCG@10")


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One factorization, by each of ``METRICS``.

    Attributes:
        learned: of the likes that it was trained on, asked for again.
        held_out: of the users' later likes.
    """

    learned: tuple[float, ...]
    held_out: tuple[float, ...]


class FactorsSheet(Sheet, frozen=True, kw_only=True):
    """A grid of factorizations, all fitted on the same cut of the log.

    Attributes:
        cells: a row a regularisation in the order of ``REGULARIZATIONS``, a cell for each of ``FACTORS`` in it.
        users: whose likes were asked for.
        confidence: of a positive, in all of them.
    """

    name: ClassVar[str] = "factors"
    cells: tuple[tuple[Cell, ...], ...]
    users: int
    confidence: float


@dataclass(frozen=True, slots=True)
class FactorsView:
    """One cell of the grid by one metric; ``width`` and ``weight`` are places in FACTORS and REGULARIZATIONS."""

    sheet: FactorsSheet
    width: int
    weight: int
    metric: int

    def learned(self, width: int, weight: int) -> float:
        """On the likes that were learned from."""
        return self.sheet.cells[weight][width].learned[self.metric]

    def held_out(self, width: int, weight: int) -> float:
        """On the later likes."""
        return self.sheet.cells[weight][width].held_out[self.metric]

    def best(self, weight: int) -> int:
        """The width that does best on the later likes, at one regularisation."""
        return max(range(len(FACTORS)), key=lambda width: self.held_out(width, weight))

    def answer(self) -> str:
        """The best width without restraint and with it, and the best cell."""
        weight = max(range(len(REGULARIZATIONS)), key=lambda w: self.held_out(self.best(w), w))
        free, held = self.best(0), self.best(weight)
        return (
            f"At λ = {REGULARIZATIONS[0]} the best of them has {FACTORS[free]} factors (held-out "
            f"{METRICS[self.metric]} {self.held_out(free, 0):.1%}); with 128 it knows its own likes by heart "
            f"({self.learned(-1, 0):.1%}) and falls to {self.held_out(-1, 0):.1%}. The best of the grid has "
            f"{FACTORS[held]} factors at λ = {REGULARIZATIONS[weight]}: {self.held_out(held, weight):.1%}."
        )

    def right_guess(self) -> str:
        """The best width at the least regularisation."""
        return str(FACTORS[self.best(0)])

    def html(self) -> Markup:
        """The cell's figures, both curves, and the grid."""
        learned, held = self.learned(self.width, self.weight), self.held_out(self.width, self.weight)
        return Markup().join(
            [
                figures(
                    Figure("learned from", f"{learned:.1%}", METRICS[self.metric], "learned"),
                    Figure("held out", f"{held:.1%}", METRICS[self.metric], "held-out"),
                    Figure("gap", f"{learned - held:.1%}", "what does not carry over", "gap"),
                    Figure("best width", str(FACTORS[self.best(self.weight)]), "factors at this λ", "best"),
                ),
                side_by_side(self._over_width(), self._over_weight()),
                table(
                    f"Held-out {METRICS[self.metric]}, {self.sheet.users} users",
                    ("λ", *(f"{width} factors" for width in FACTORS)),
                    [
                        (str(weight), *(f"{self.held_out(width, w):.1%}" for width in range(len(FACTORS))))
                        for w, weight in enumerate(REGULARIZATIONS)
                    ],
                ),
            ]
        )

    def _over_width(self) -> Markup:
        at = [math.log2(width) for width in FACTORS]
        ticks = tuple((math.log2(width), str(width)) for width in FACTORS)
        learned = tuple((at[n], self.learned(n, self.weight)) for n in range(len(FACTORS)))
        held = tuple((at[n], self.held_out(n, self.weight)) for n in range(len(FACTORS)))
        return self._chart(f"λ = {REGULARIZATIONS[self.weight]}", "factors", ticks, learned, held, at[self.width])

    def _over_weight(self) -> Markup:
        at = [math.log2(weight) for weight in REGULARIZATIONS]
        ticks = tuple((math.log2(weight), str(weight)) for weight in REGULARIZATIONS)
        learned = tuple((at[n], self.learned(self.width, n)) for n in range(len(REGULARIZATIONS)))
        held = tuple((at[n], self.held_out(self.width, n)) for n in range(len(REGULARIZATIONS)))
        return self._chart(f"{FACTORS[self.width]} factors", "λ", ticks, learned, held, at[self.weight])

    def _chart(
        self,
        title: str,
        along: str,
        ticks: tuple[tuple[float, str], ...],
        learned: tuple[tuple[float, float], ...],
        held: tuple[tuple[float, float], ...],
        now: float,
    ) -> Markup:
        lines = [Series("likes it learned from", "three", learned), Series("held out", "two", held)]
        top = max(
            max(cell.learned[self.metric], cell.held_out[self.metric]) for row in self.sheet.cells for cell in row
        )
        panel = Panel(f"{METRICS[self.metric]}, {title}", along, (ticks[0][0], ticks[-1][0]), (0.0, top), ticks)
        return chart(panel, lines, now=now, percent=True)


_sheet = SheetReader(FactorsSheet)


@widget(
    "factors",
    title="How many factors, and how much restraint?",
    controls=(
        Choice("width", "Factors", tuple(map(str, FACTORS)), default=FACTORS.index(32)),
        Choice("weight", "Regularisation λ", tuple(map(str, REGULARIZATIONS)), default=REGULARIZATIONS.index(30)),
        Choice("metric", "Measured by", METRICS),
    ),
    guess=Guess(
        f"Before you look: with hardly any regularisation (λ = {REGULARIZATIONS[0]}), how many factors find most of "
        "what people liked later?",
        {str(width): f"{width} factors" for width in FACTORS},
    ),
)
def factors(engine: Engine, state: State) -> FactorsView:
    """Look up the factorizations that were fitted when the sheet was prepared."""
    return FactorsView(_sheet(engine), state["width"], state["weight"], state["metric"])
