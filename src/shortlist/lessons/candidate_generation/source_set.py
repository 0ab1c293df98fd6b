"""Widget: sources on and off, the recall of what they find together, and what each of them alone adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.bars import Bars, bars
from shortlist.lessons.candidate_generation.found import FIRST, HEAD, MOST, ORDERS, SOURCES, Found, found
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["SourcesView", "sources"]

NAMES: Mapping[str, str] = {
    "popular": "popular",
    "item_neighbours": "neighbours",
    "als": "factors (ALS)",
    "two_tower": "two towers",
}
ALL = (1 << len(SOURCES)) - 1


@dataclass(frozen=True, slots=True)
class SourcesView:
    """One set of sources, cut after some candidates.

    Attributes:
        found: what every set finds.
        on: bits of the sources that are on.
        order: of the merge, a place in ``ORDERS``.
        kept: candidates that go on.
    """

    found: Found
    on: int
    order: int
    kept: int

    def unique(self, bit: int, among: int) -> float:
        """What one source adds to the others of a set, at this cut."""
        return self.found.unique(among, bit, self.order, self.kept)

    def missed_most(self) -> int:
        """The bit of the source whose loss costs all four together the most, at this cut."""
        return max(self._held(), key=lambda bit: self.unique(bit, ALL))

    def answer(self) -> str:
        """What each is worth alone, and to the others."""
        most = self.missed_most()
        told = ", ".join(f"{NAMES[SOURCES[bit]]} {self.unique(bit, ALL):+z.1%}" for bit in self._held())
        return (
            f"The first {self.kept} of all sources hold {self._recall(ALL):.1%} of what people went on to like "
            f"({self.found.n_requests} held-out requests). {_named(SOURCES[most])} would be missed most. "
            f"Unique recall, what is lost when one alone is switched off: {told}."
        )

    def right_guess(self) -> str:
        """The source that is missed most."""
        return SOURCES[self.missed_most()]

    def html(self) -> Markup:
        """The merge's figures, a bar a source, and recall over the cut."""
        held = self._held()
        on = self.on & self.found.held
        alone = tuple(self._recall(1 << bit) for bit in held)
        lost = tuple(self.unique(bit, on) if on >> bit & 1 else float("nan") for bit in held)
        won = tuple(float("nan") if on >> bit & 1 else self.unique(bit, on) for bit in held)
        groups = [Bars("by itself", "faint", alone), Bars("lost without it", "one", lost)]
        if on != self.found.held:
            groups.append(Bars("won with it", "two", won))
        names = [NAMES[SOURCES[bit]] for bit in held]
        return Markup().join(
            [
                figures(
                    Figure("recall of the merge", f"{self._recall(on):.1%}", f"of the first {self.kept}", "recall"),
                    Figure("found in all", f"{self.found.size(on):.0f}", "a request", "found"),
                    *(
                        Figure(
                            names[n],
                            f"{self.unique(bit, on):+z.1%}",
                            "unique" if on >> bit & 1 else "if it were on",
                            f"unique-{SOURCES[bit]}",
                        )
                        for n, bit in enumerate(held)
                    ),
                ),
                side_by_side(bars(f"Recall of the first {self.kept}, a source", names, groups), self._over_kept(on)),
                table(
                    f"Every source; the {HEAD} most liked items had {self.found.liked_head:.0%} of all likes",
                    ("source", "by itself", "unique", "found by no other", "most liked", "different"),
                    [
                        (
                            name,
                            f"{self._recall(1 << bit):.1%}",
                            f"{self.unique(bit, on):+z.1%}",
                            f"{self.found.only[bit]:.0f} of {self.found.size(1 << bit):.0f}",
                            f"{self.found.head[bit]:.0%} of {FIRST}",
                            str(self.found.different[bit]),
                        )
                        for name, bit in zip(names, held, strict=True)
                    ],
                ),
            ]
        )

    def _held(self) -> list[int]:
        return [bit for bit in range(len(SOURCES)) if self.found.held >> bit & 1]

    def _recall(self, among: int) -> float:
        return self.found.recall(among, self.order, self.kept)

    def _over_kept(self, on: int) -> Markup:
        def line(name: str, css: str, among: int) -> Series:
            recall = (self.found.recall(among, self.order, n) for n in range(0, MOST + 1, 10))
            return Series(name, css, tuple(zip(map(float, range(0, MOST + 1, 10)), recall, strict=True)))

        others = [line(NAMES[SOURCES[bit]], "faint", 1 << bit) for bit in self._held()]
        top = max(0.01, *(self.found.recall(among, self.order, MOST) for among in (self.found.held, on)))
        panel = Panel("Recall of the merge", "candidates kept", (0, MOST), (0.0, top))
        return chart(
            panel, [line("what is on", "one", on)], now=self.kept, percent=True, behind=("each by itself", others)
        )


def _named(source: str) -> str:
    """Its name at the start of a sentence."""
    return NAMES[source][0].upper() + NAMES[source][1:]


_once = OncePerEngine(found)


@widget(
    "sources",
    title="What does each source add to the others?",
    controls=(
        *(Choice(name, _named(name), ("off", "on"), default=1) for name in SOURCES),
        Choice("order", "The merge", ORDERS),
        Slider("n", "Candidates kept for the ranker", 10, MOST, 10, 100, (20, 50, 100, 200)),
    ),
    guess=Guess(
        "Before you look: all four sources are on and the first 100 of their merge are kept. Which one, switched off "
        "alone, would be missed most?",
        NAMES,
    ),
)
def sources(engine: Engine, state: State) -> SourcesView:
    """Look the set up among all that were merged when the release was first looked at."""
    on = sum(state[name] << bit for bit, name in enumerate(SOURCES))
    return SourcesView(_once(engine), on, state["order"], state["n"])
