"""Widget: a ranker that is retrained on what it served, and what exploring and weighing by place change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["GENERATIONS", "LOOP_NAMES", "LoopSheet", "LoopView", "Ran", "loop"]

LOOP_NAMES = ("click rate, greedy", "click rate, explores", "IPS, greedy", "IPS, explores")
"""By click rates, or by clicks over the examination of their place; nearly greedy, or with a warm slot softmax."""
COLOURS = ("two", "four", "one", "three")
GENERATIONS = 6
GUESSES = {"1": "one", "3": "about three", "5": "as many as before"}


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A loop, in one simulated world a row.

    Attributes:
        worth: of each generation's pages: 0 as by lot, 1 as the best order.
        first_items: how many items stand first in a context, as the exponential of their entropy, by generation.
        judged: share of ten changes to the last policy that the last log gives an estimate of.
    """

    worth: tuple[tuple[float, ...], ...]
    first_items: tuple[tuple[float, ...], ...]
    judged: tuple[float, ...]


class LoopSheet(Sheet, frozen=True, kw_only=True):
    """All four loops, from the same first log in each world.

    Attributes:
        pages: of a generation.
        contexts: of a world.
        candidates: of a context.
        loops: in the order of ``LOOP_NAMES``.
    """

    name: ClassVar[str] = "position-loop"
    pages: int
    contexts: int
    candidates: int
    loops: tuple[Ran, ...]

    @property
    def worlds(self) -> int:
        """How many."""
        return len(self.loops[0].judged)


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class LoopView:
    """One loop and one generation, both from 0."""

    sheet: LoopSheet
    of: int
    generation: int

    def worth(self, of: int, generation: int) -> float:
        """Mean over worlds."""
        return _mean(tuple(world[generation] for world in self.sheet.loops[of].worth))

    def first_items(self, of: int, generation: int) -> float:
        """Mean over worlds."""
        return _mean(tuple(world[generation] for world in self.sheet.loops[of].first_items))

    def judged(self, of: int) -> float:
        """Mean over worlds."""
        return _mean(self.sheet.loops[of].judged)

    def answer(self) -> str:
        """Of the plain loop."""
        return (
            f"From {self.first_items(0, 0):.1f} to {self.first_items(0, GENERATIONS - 1):.2f}: one item a context. Of "
            f"ten changes to that policy its log can judge {self.judged(0):.0%}; the log of the loop that explores, "
            f"{self.judged(1):.0%}."
        )

    def right_guess(self) -> str:
        """The nearest."""
        left = self.first_items(0, GENERATIONS - 1)
        return min(GUESSES, key=lambda option: abs(float(option) - left))

    def html(self) -> Markup:
        """What pages are worth and what stands first, over the generations, and what the last log can judge."""
        sheet, of, at = self.sheet, self.of, self.generation
        last = GENERATIONS - 1

        def lines(height: str) -> list[Series]:
            value = self.worth if height == "worth" else self.first_items
            return [
                Series(name, css, tuple((float(g), value(k, g)) for g in range(GENERATIONS)))
                for k, (name, css) in enumerate(zip(_SHORT, COLOURS, strict=True))
            ]

        ticks = tuple((float(g), str(g)) for g in range(GENERATIONS))
        every = [(k, g) for k in range(len(LOOP_NAMES)) for g in range(GENERATIONS)]
        most = max(self.first_items(k, g) for k, g in every)
        worth = [self.worth(k, g) for k, g in every]
        worlds = [world[at] for world in sheet.loops[of].worth]
        return Markup().join(
            [
                figures(
                    Figure(
                        "worth of a page",
                        f"{self.worth(of, at):.2f}",
                        f"{min(worlds):.2f} to {max(worlds):.2f} over worlds",
                        "worth",
                    ),
                    Figure("stand first", f"{self.first_items(of, at):.2f}", "items a context", "first"),
                    Figure("can be judged", f"{self.judged(of):.0%}", "of changes, at the end", "judged"),
                    Figure(
                        "IPS less click rate",
                        f"{self.worth(2, last) - self.worth(0, last):+z.3f}",
                        "worth at the end, greedy",
                        "ips-gain",
                    ),
                    Figure(
                        "exploring costs",
                        f"{self.worth(2, last) - self.worth(3, last):+z.3f}",
                        "worth at the end, IPS",
                        "cost",
                    ),
                ),
                side_by_side(
                    chart(
                        Panel(
                            "Worth: 0 by lot, 1 the best order",
                            "generation",
                            (0.0, float(last)),
                            (min(worth), max(worth)),
                            ticks,
                        ),
                        lines("worth"),
                        now=float(at),
                    ),
                    chart(
                        Panel("Different items first, a context", "generation", (0.0, float(last)), (0.0, most), ticks),
                        lines("first"),
                        now=float(at),
                    ),
                    bars(
                        "Changes that the last log can judge",
                        LOOP_NAMES,
                        [Bars("mean over worlds", "one", tuple(self.judged(k) for k in range(len(LOOP_NAMES))))],
                        form=lambda value: f"{value:.0%}",
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"{sheet.worlds} simulated feeds of {sheet.contexts} contexts with {sheet.candidates} candidates, "
                    f"read by place. Each generation serves {sheet.pages:,} pages; all logs so far make the next "
                    "policy. Generation 0 is the same old policy in all four."
                ),
                table(
                    "All loops at this generation, and the last",
                    ("loop", "worth", "items first", "worth, last", "items first, last", "judged"),
                    [
                        (
                            name,
                            f"{self.worth(k, at):.3f}",
                            f"{self.first_items(k, at):.2f}",
                            f"{self.worth(k, last):.3f}",
                            f"{self.first_items(k, last):.2f}",
                            f"{self.judged(k):.0%}",
                        )
                        for k, name in enumerate(LOOP_NAMES)
                    ],
                ),
            ]
        )


_SHORT = ("rate", "rate, explores", "IPS", "IPS, explores")
_sheet = SheetReader(LoopSheet)


@widget(
    "loop",
    title="A ranker eats its own log",
    controls=(
        Choice("of", "Retrained on", LOOP_NAMES),
        Slider("generation", "Generation", 0, GENERATIONS - 1, 1, GENERATIONS - 1, tuple(range(GENERATIONS))),
    ),
    guess=Guess(
        "Before you look: in each context some five of ten items take turns at the top. A greedy ranker is retrained "
        "five times on the click rates of all logs so far. How many take turns then?",
        GUESSES,
    ),
)
def loop(engine: Engine, state: State) -> LoopView:
    """Look one loop and generation up."""
    return LoopView(_sheet(engine), state["of"], state["generation"])
