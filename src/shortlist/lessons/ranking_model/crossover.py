"""Widget: from how many rows on a net with embeddings overtakes boosted trees, by cardinality, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import msgspec
import numpy as np
from markupsafe import Markup
from scipy.special import stdtrit

from shortlist.core.arrays import Float64
from shortlist.funnel.engine import Engine
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Series, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["CARDINALITIES", "ROWS_AN_ID", "Crossing", "CrossoverSheet", "CrossoverView", "Measured", "crossover"]

CARDINALITIES = (10, 40)
ROWS_AN_ID = (10, 20, 40, 80)
LEVEL = 0.95
GUESSES = {"5": "about 5", "20": "about 20", "60": "about 60", "never": "more than 80, or never"}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """AUC of both models, a world each.

    Attributes:
        net: of DCN-v2.
        trees: of boosted trees.
    """

    net: tuple[float, ...]
    trees: tuple[float, ...]


class CrossoverSheet(Sheet, frozen=True, kw_only=True):
    """Both models in simulated worlds of two ids, by cardinality and rows.

    Attributes:
        judged: rows that an AUC is over.
        rows_an_id: rows that were learned from over the cardinality, rising.
        truth: AUC of the true log odds, by cardinality, mean over worlds.
        measured: by cardinality (``CARDINALITIES``) and ``rows_an_id``.
    """

    name: ClassVar[str] = "ranking-crossover"
    judged: int
    rows_an_id: tuple[int, ...]
    truth: tuple[float, ...]
    measured: tuple[tuple[Measured, ...], ...]

    @property
    def worlds(self) -> int:
        """Of each cardinality."""
        return len(self.measured[0][0].net)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the net overtakes; in rows an id.

    Attributes:
        at: where the mean difference first goes from below zero to above; infinite where it never does, 0 where it
            begins above.
        low: up to here the trees are surely ahead: the upper limit of the difference is below zero. 0 where they
            never surely are.
        high: from here on the net surely is, until both come near the truth: the lower limit is above zero. Infinite
            where it never surely is.
    """

    at: float
    low: float
    high: float


@dataclass(frozen=True)
class CrossoverView:
    """One cardinality and one number of rows, by their places."""

    sheet: CrossoverSheet
    cardinality: int
    size: int

    def difference(self, cardinality: int) -> Float64:
        """AUC of the net less that of the trees, ``(sizes, worlds)``."""
        return np.array([np.subtract(each.net, each.trees) for each in self.sheet.measured[cardinality]])

    def band(self, cardinality: int) -> tuple[Float64, Float64, Float64]:
        """The mean difference over worlds, and the ends of its interval, by size.

        mean ± t · s / sqrt(worlds), t of Student's distribution: each world is drawn anew with
        its rows and its weights, so that the interval is over all three.
        """
        difference = self.difference(cardinality)
        worlds = difference.shape[1]
        spread = stdtrit(worlds - 1, 0.5 + LEVEL / 2) * difference.std(axis=1, ddof=1) / math.sqrt(worlds)
        mean = difference.mean(axis=1)
        return mean, mean - spread, mean + spread

    def crossing(self, cardinality: int) -> Crossing:
        """The crossover with its interval: all sizes at which the difference may be zero, around where it is."""
        mean, low, high = self.band(cardinality)
        return Crossing(self._rise(mean), self._rise(high), self._rise(low))

    def _rise(self, heights: Float64) -> float:
        """Where a curve over rows an id first comes up through zero, on a log scale."""
        above = np.flatnonzero(heights > 0)
        if not len(above):
            return math.inf
        k = int(above[0])
        if k == 0:
            return 0.0
        places = np.log2(self.sheet.rows_an_id[k - 1 : k + 1])
        share = -heights[k - 1] / (heights[k] - heights[k - 1])
        return float(2.0 ** (places[0] + share * (places[1] - places[0])))

    @cached_property
    def now(self) -> Measured:
        """The figures at the sliders' places."""
        return self.sheet.measured[self.cardinality][self.size]

    def answer(self) -> str:
        """The crossover of the largest cardinality, per id and in rows."""
        last = len(CARDINALITIES) - 1
        crossing, ids = self.crossing(last), CARDINALITIES[last]
        if math.isinf(crossing.at):
            return f"With {ids} of each id the trees are still ahead at {self.sheet.rows_an_id[-1]} rows an id."
        return (
            f"With {ids} of each id the net overtakes at about {crossing.at:.0f} rows an id, {crossing.at * ids:,.0f} "
            f"in all; the 95% interval goes from {_words(crossing.low)} to {_words(crossing.high)} rows an id."
        )

    def right_guess(self) -> str:
        """The nearest of the options on a log scale."""
        at = self.crossing(len(CARDINALITIES) - 1).at
        if math.isinf(at):
            return "never"
        numbers = [option for option in GUESSES if option != "never"]
        return min(numbers, key=lambda option: abs(math.log2(max(at, 1.0)) - math.log2(float(option))))

    def html(self) -> Markup:
        """Both AUCs and their difference over the rows, and every cardinality's crossover."""
        sheet, mine = self.sheet, self.cardinality
        mean, low, high = self.band(mine)
        crossing = self.crossing(mine)
        rows = [float(each * CARDINALITIES[mine]) for each in sheet.rows_an_id]
        now = rows[self.size]

        def line(name: str, css: str, heights: Float64) -> Series:
            return Series(name, css, tuple(zip(rows, heights.tolist(), strict=True)))

        net, trees = (
            np.array([np.mean(getattr(each, who)) for each in sheet.measured[mine]]) for who in ("net", "trees")
        )
        level = np.full(len(rows), sheet.truth[mine])
        return Markup().join(
            [
                figures(
                    Figure("rows", f"{now:,.0f}", f"{sheet.rows_an_id[self.size]} an id", "rows"),
                    Figure("DCN-v2", f"{net[self.size]:.3f}", "AUC", "net"),
                    Figure("boosted trees", f"{trees[self.size]:.3f}", "AUC", "trees"),
                    Figure(
                        "difference",
                        f"{mean[self.size]:+z.3f}",
                        f"{low[self.size]:+z.3f} to {high[self.size]:+z.3f}",
                        "gap",
                    ),
                    Figure(
                        "crossover",
                        _words(crossing.at),
                        f"rows an id, {_words(crossing.low)} to {_words(crossing.high)}",
                        "at",
                    ),
                ),
                side_by_side(
                    log_chart(
                        "AUC, mean over worlds",
                        "rows",
                        [line("net", "one", net), line("trees", "two", trees), line("truth", "faint", level)],
                        now=now,
                        form=lambda height: f"{height:.2f}",
                        low=0.5,
                    ),
                    log_chart(
                        "DCN-v2 less trees, AUC",
                        "rows",
                        [line("mean", "one", mean), line("95% low", "faint", low), line("95% high", "faint", high)],
                        now=now,
                        form=lambda height: f"{height:+z.2f}",
                        low=min(float(low.min()), 0.0),
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"{sheet.worlds} simulated worlds of each cardinality. In each the log odds hang on two ids, whose "
                    f"hidden vectors are multiplied, and on a corner and a stripe of three numbers. Both models read "
                    f"the numbers, both ids, and each id's count and smoothed rate as of just before the row; AUC over "
                    f"{sheet.judged:,} later rows."
                ),
                table(
                    "The crossover at every cardinality",
                    ("of each id", "rows an id", "from", "to", "rows"),
                    [self._row(k) for k in range(len(CARDINALITIES))],
                ),
            ]
        )

    def _row(self, cardinality: int) -> tuple[str, ...]:
        crossing, ids = self.crossing(cardinality), CARDINALITIES[cardinality]
        return (
            str(ids),
            *(_words(at) for at in (crossing.at, crossing.low, crossing.high)),
            _words(crossing.at * ids),
        )


def _words(rows: float) -> str:
    if math.isinf(rows):
        return "not reached"
    return "before the first" if rows == 0 else f"{rows:,.0f}"


_sheet = SheetReader(CrossoverSheet)


@widget(
    "crossover",
    title="When does a net with embeddings overtake boosted trees?",
    controls=(
        Choice("ids", "Different values of each id", tuple(map(str, CARDINALITIES)), len(CARDINALITIES) - 1),
        Slider("size", "Rows: step", 0, len(ROWS_AN_ID) - 1, 1, 1, tuple(range(len(ROWS_AN_ID)))),
    ),
    guess=Guess(
        f"Before you look: two ids with {CARDINALITIES[-1]} values each, and a hidden taste that joins them. From how "
        "many rows an id on is DCN-v2 ahead of boosted trees that read the same?",
        GUESSES,
    ),
)
def crossover(engine: Engine, state: State) -> CrossoverView:
    """Look one cardinality and size up."""
    sheet = _sheet(engine)
    return CrossoverView(sheet, state["ids"], min(state["size"], len(sheet.rows_an_id) - 1))
