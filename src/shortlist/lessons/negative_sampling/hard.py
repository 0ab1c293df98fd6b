"""Widget: the share of hard negatives, against recall and against negatives that are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["EACH", "KINDS", "NEAREST", "SHARES", "HardSheet", "HardTowers", "HardView", "hard"]

EACH = 16
"""Negatives a user."""
NEAREST = 50
"""The nearest items, which hard negatives are drawn from."""
SHARES = (0, 25, 50, 75, 100)
"""Percent of them that are hard."""
KINDS = ("corrected", "uncorrected")
OUTCOMES = {"rises": "it rises by 5% or more", "stays": "it stays within 5%", "falls": "it falls by 5% or more"}


class HardTowers(msgspec.Struct, frozen=True, kw_only=True):
    """What towers that learned from one share of hard negatives find, and what they would draw next.

    Attributes:
        recall_20: of what users liked last, in lists of 20.
        recall_100: in lists of 100.
        tail_100: of the part of it that is not of the head.
        before: share of the drawn negatives that the user had liked before: known, and could be left out.
        later: share that the user went on to like: nobody could know.
    """

    recall_20: float
    recall_100: float
    tail_100: float
    before: float
    later: float


class HardSheet(Sheet, frozen=True, kw_only=True):
    """Towers by correction, and by share of hard negatives (``SHARES``)."""

    name: ClassVar[str] = "negatives-hard"
    users: int
    items: int
    positives: int
    towers: dict[str, tuple[HardTowers, ...]]


@dataclass(frozen=True, slots=True)
class HardView:
    """One share and correction beside the others.

    Attributes:
        kind: one of ``KINDS``.
        share: percent.
    """

    sheet: HardSheet
    kind: str
    share: int

    def at(self, share: int, kind: str = "") -> HardTowers:
        """The towers of a share."""
        return self.sheet.towers[kind or self.kind][SHARES.index(share)]

    def answer(self) -> str:
        """Recall with none and with nothing but hard ones, and where it is best."""
        none, all_hard = self.at(0).recall_100, self.at(100).recall_100
        best = max(SHARES, key=lambda share: self.at(share).recall_100)
        return (
            f"Recall in lists of 100 is {none:.1%} with uniform negatives and {all_hard:.1%} with hard ones only "
            f"({CORRECTIONS[self.kind].name}, {self.sheet.users} users); it is best at {best}% hard."
        )

    def right_guess(self) -> str:
        """By the ratio of recall with all hard to that with none."""
        ratio = self.at(100).recall_100 / max(self.at(0).recall_100, 1e-9)
        return "stays" if 0.95 < ratio < 1.05 else "falls" if ratio <= 0.95 else "rises"

    def html(self) -> Markup:
        """Recall and false negatives over the share."""
        now = self.at(self.share)
        return Markup().join(
            [
                figures(
                    Figure("hard", f"{EACH * self.share // 100}", f"of {EACH} negatives a user", "hard"),
                    Figure("recall at 20", f"{now.recall_20:.1%}", CORRECTIONS[self.kind].name, "recall-20"),
                    Figure("recall at 100", f"{now.recall_100:.1%}", "all items", "recall-100"),
                    Figure("tail at 100", f"{now.tail_100:.1%}", "recall", "tail-100"),
                    Figure("liked before", f"{now.before:.1%}", "of the negatives", "before"),
                    Figure("liked later", f"{now.later:.2%}", "of the negatives", "later"),
                ),
                side_by_side(
                    self._chart("Recall in lists of 100", "recall_100"),
                    self._chart("Recall in lists of 20", "recall_20"),
                    self._chart("Negatives the user had liked before", "before"),
                    self._chart("Negatives the user went on to like", "later"),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"{self.sheet.users} users of this release, {self.sheet.positives:,} positives, "
                    f"{self.sheet.items:,} items; hard negatives are drawn from the {NEAREST} items nearest to "
                    "the user, found exactly. What users went on to like is held out: the towers never saw it."
                ),
                table(
                    "All shares, in figures",
                    ("hard, weighed", "recall at 20", "at 100", "tail at 100", "liked before", "liked later"),
                    [
                        (
                            f"{share}%, {CORRECTIONS[kind].name}",
                            *(f"{value:.1%}" for value in (each.recall_20, each.recall_100, each.tail_100)),
                            f"{each.before:.1%}",
                            f"{each.later:.2%}",
                        )
                        for kind in KINDS
                        for share in SHARES
                        for each in (self.at(share, kind),)
                    ],
                ),
            ]
        )

    def _chart(self, title: str, what: str) -> Markup:
        lines = [
            Series(
                CORRECTIONS[kind].name,
                CORRECTIONS[kind].css,
                tuple((float(share), float(getattr(self.at(share, kind), what))) for share in SHARES),
            )
            for kind in KINDS
        ]
        top = max(y for line in lines for _, y in line.points)
        panel = Panel(title, "% of the negatives that are hard", (0, 100), (0.0, max(top, 0.01)))
        return chart(panel, lines, now=self.share, percent=True)


_sheet = SheetReader(HardSheet)


@widget(
    "hard",
    title="How many of the negatives should be hard?",
    controls=(
        Slider("share", "Percent of the negatives that are hard", 0, 100, 25, 50, SHARES),
        Choice("kind", "The model with", tuple(CORRECTIONS[kind].name for kind in KINDS)),
    ),
    guess=Guess(
        f"Before you look: each positive gets {EACH} negatives. Draw all of them from the user's {NEAREST} nearest "
        "items instead of the whole catalogue. What happens to recall in lists of 100?",
        OUTCOMES,
    ),
)
def hard(engine: Engine, state: State) -> HardView:
    """Look up the trainings."""
    return HardView(_sheet(engine), KINDS[state["kind"]], state["share"])
