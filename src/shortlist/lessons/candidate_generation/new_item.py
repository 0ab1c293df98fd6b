"""Widget: a new item's first likes, and how soon counting, factors and towers find it for the right people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, State, widget

__all__ = ["CUTS", "LIKES", "Measured", "NewItemSheet", "NewItemView", "newitem"]

LIKES = (0, 1, 2, 5, 10, 20, 50)
"""Likes of a new item that the models learn from."""
CUTS = (10, 20, 50, 100, 200)
"""The lengths of list at which recall is measured."""
NAMES: Mapping[str, str] = {
    "item_neighbours": "neighbours",
    "als": "ALS",
    "two_tower": "towers",
    "content": "content alone",
}
"""Counting, factors, towers that met the item in training, and towers that did not and read its content."""
CSS = {"item_neighbours": "one", "als": "three", "two_tower": "two", "content": "four"}
GUESSES = {"1": "1", "2": "2", "5": "5", "10": "10", "20": "20", "50": "50", "more": "more than that"}


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recall of the held-out likes of the new items with so many likes in training.

    Attributes:
        items: new items of this kind.
        held_out: their later likes, each of which is a request.
        recall: a source's recall at each of ``CUTS``.
        low: lower end of its 95% interval, items drawn anew.
        high: upper end.
    """

    items: int
    held_out: int
    recall: dict[str, tuple[float, ...]]
    low: dict[str, tuple[float, ...]]
    high: dict[str, tuple[float, ...]]


class NewItemSheet(Sheet, frozen=True, kw_only=True):
    """Real items whose likes were taken out of the training, but for the first few.

    Attributes:
        likes: the numbers of likes, those of ``LIKES`` that the log's items have.
        measured: for each of ``likes``.
        learned_from: likes in all that the models learned from.
    """

    name: ClassVar[str] = "new_items"
    likes: tuple[int, ...]
    measured: tuple[Measured, ...]
    learned_from: int


@dataclass(frozen=True, slots=True)
class NewItemView:
    """One number of likes at one length of list.

    Attributes:
        sheet: what was measured.
        place: of the number of likes in the sheet.
        cut: place in ``CUTS``.
    """

    sheet: NewItemSheet
    place: int
    cut: int

    def recall(self, source: str, place: int) -> float:
        """Recall of new items at this length of list."""
        return self.sheet.measured[place].recall[source][self.cut]

    def caught_up(self) -> int | None:
        """The least number of likes with which the vector that was learned beats the one that was read."""
        return next(
            (
                likes
                for place, likes in enumerate(self.sheet.likes)
                if likes and self.recall("two_tower", place) >= self.recall("content", place)
            ),
            None,
        )

    def answer(self) -> str:
        """What each finds with no like and with the most, and where learning has caught up with reading."""
        last = len(self.sheet.likes) - 1
        caught, most = self.caught_up(), self.sheet.likes[last]
        when = (
            f"Towers that learned from the item have caught up with towers that read it at {caught}."
            if caught
            else f"Towers that learned from the item have not caught up with towers that read it at {most}."
        )
        return f"Among the first {CUTS[self.cut]}: {self._told(0)}; {self._told(last)}. {when}"

    def _told(self, place: int) -> str:
        likes = self.sheet.likes[place]
        found = ", ".join(f"{name} {self.recall(source, place):.1%}" for source, name in NAMES.items())
        return f"with {likes} likes {found}"

    def right_guess(self) -> str:
        """The number of likes at which learning has caught up."""
        caught = self.caught_up()
        return "more" if caught is None else str(caught)

    def html(self) -> Markup:
        """The figures at this number of likes, the curves, and everything in a table."""
        here, likes = self.sheet.measured[self.place], self.sheet.likes[self.place]
        return Markup().join(
            [
                figures(
                    *(
                        Figure(
                            name,
                            f"{self.recall(source, self.place):.1%}",
                            f"{here.low[source][self.cut]:.0%} to {here.high[source][self.cut]:.0%}",
                            source,
                        )
                        for source, name in NAMES.items()
                    ),
                    Figure("likes in training", str(likes), f"{here.items} such items", "likes"),
                    Figure("likes held out", str(here.held_out), "each a request", "held-out"),
                ),
                side_by_side(self._over_likes(), self._over_cuts()),
                self._table(),
            ]
        )

    def _over_likes(self) -> Markup:
        """Recall at this length of list."""
        ticks = tuple((float(place), str(likes)) for place, likes in enumerate(self.sheet.likes))
        points = [(place, self.cut) for place in range(len(self.sheet.likes))]
        title = f"Recall of new items among the first {CUTS[self.cut]}"
        return self._chart(title, "likes in training", ticks, points, float(self.place))

    def _over_cuts(self) -> Markup:
        """Recall with this number of likes."""
        ticks = tuple((float(cut), str(length)) for cut, length in enumerate(CUTS))
        points = [(self.place, cut) for cut in range(len(CUTS))]
        title = f"The same with {self.sheet.likes[self.place]} likes"
        return self._chart(title, "length of the list", ticks, points, float(self.cut))

    def _chart(
        self,
        title: str,
        along: str,
        ticks: tuple[tuple[float, str], ...],
        points: Sequence[tuple[int, int]],
        now: float,
    ) -> Markup:
        """Every source's recall at ``points``, each a number of likes and a length, a tick apart."""
        lines = [
            Series(
                name,
                CSS[source],
                tuple(
                    (at, self.sheet.measured[place].recall[source][cut])
                    for (at, _), (place, cut) in zip(ticks, points, strict=True)
                ),
            )
            for source, name in NAMES.items()
        ]
        top = max(height for each in lines for _, height in each.points)
        panel = Panel(title, along, (ticks[0][0], ticks[-1][0]), (0.0, max(top, 0.01)), ticks)
        return chart(panel, lines, now=now, percent=True)

    def _table(self) -> Markup:
        rows = []
        for place, likes in enumerate(self.sheet.likes):
            each = self.sheet.measured[place]
            told = (
                f"{each.recall[s][self.cut]:.1%} ({each.low[s][self.cut]:.0%} to {each.high[s][self.cut]:.0%})"
                for s in NAMES
            )
            rows.append((str(likes), *told))
        return table("Every number of likes, with 95% intervals", ("likes", *NAMES.values()), rows)


_sheet = SheetReader(NewItemSheet)


@widget(
    "newitem",
    title="How many likes does a new item need?",
    controls=(
        Choice("likes", "Likes of a new item in training", tuple(map(str, LIKES))),
        Choice("cut", "Length of the list", tuple(f"the first {cut}" for cut in CUTS), default=CUTS.index(50)),
    ),
    guess=Guess(
        "Before you look: one pair of towers met a new item in training, with its first few likes. Another never met "
        "it and reads only its content: title, categories, year. How many likes must the item have before the first "
        "finds it as often as the second?",
        GUESSES,
    ),
)
def newitem(engine: Engine, state: State) -> NewItemView:
    """Look up what was measured; where no item of the log has so many likes, the most that items have."""
    sheet = _sheet(engine)
    return NewItemView(sheet, min(state["likes"], len(sheet.likes) - 1), state["cut"])
