"""Widget: the log-Q correction on, off and the wrong way round, against what the lists hold and find."""

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

__all__ = ["KS", "SAMPLERS", "Lists", "LogqView", "SkewSheet", "SkewWorld", "logq"]

KS = tuple(range(5, 101, 5))
"""Lengths of a list."""
WORLDS = {"planted": "a planted world, whose truth is known", "release": "the likes this release came with"}
SAMPLERS = {"in_batch": "the batch's other positives", "mixed": "the batch's, and 64 uniform ones"}
OUTCOMES = {
    "falls": "it falls by a tenth or more",
    "stays": "it stays within a tenth of what it was",
    "rises": "it rises by a tenth or more",
}


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """What one model's lists find and hold, by length (``KS``).

    Attributes:
        all: recall of what users liked last.
        head: recall of that part of it that is of the head.
        tail: of the rest.
        head_share: of the places of a list, those with a head item.
        likes: how often the listed items are positives in training, mean.
        tail_difference: ``tail`` less that of the corrected model, with both ends of its 95% interval over users.
    """

    all: tuple[float, ...]
    head: tuple[float, ...]
    tail: tuple[float, ...]
    head_share: tuple[float, ...]
    likes: tuple[float, ...]
    tail_difference: tuple[tuple[float, float, float], ...]


class SkewWorld(msgspec.Struct, frozen=True, kw_only=True):
    """A set of likes and the models that learned from it.

    Attributes:
        lists: by sampler and correction, ``in_batch-corrected`` for example.
        ideal: the lists by the true p(i | u), where it is known.
        head_items: the fewest items that hold half of the positives.
        head_wanted: share of the head in what is looked for.
        likes_wanted: how often what is looked for is a positive in training, mean.
    """

    lists: dict[str, Lists]
    ideal: Lists | None
    users: int
    items: int
    positives: int
    head_items: int
    head_wanted: float
    likes_wanted: float


class SkewSheet(Sheet, frozen=True, kw_only=True):
    """Trainings with each sampler and correction; by world."""

    name: ClassVar[str] = "negatives-logq"
    worlds: dict[str, SkewWorld]


@dataclass(frozen=True, slots=True)
class LogqView:
    """One model's lists beside those of the other corrections.

    Attributes:
        world: what was learned from.
        named: the world, a key of ``WORLDS``.
        sampler: a key of ``SAMPLERS``.
        kind: a key of ``CORRECTIONS``.
        k: items in a list.
    """

    world: SkewWorld
    named: str
    sampler: str
    kind: str
    k: int

    def lists(self, kind: str) -> Lists:
        """Those of a correction, with this world and sampler."""
        return self.world.lists[f"{self.sampler}-{kind}"]

    @property
    def place(self) -> int:
        """Of k in ``KS``."""
        return KS.index(self.k)

    def answer(self) -> str:
        """What leaving the correction out does to the tail, with its interval."""
        right, none = (self.lists(kind).tail[self.place] for kind in ("corrected", "uncorrected"))
        difference, low, high = self.lists("uncorrected").tail_difference[self.place]
        return (
            f"In lists of {self.k} the recall of tail items is {none:.1%} without the correction and {right:.1%} with "
            f"it: {difference:+.3f}, 95% interval {low:+.3f} to {high:+.3f} over {self.world.users} users."
        )

    def right_guess(self) -> str:
        """By the ratio of the two recalls."""
        right, none = (self.lists(kind).tail[self.place] for kind in ("corrected", "uncorrected"))
        if abs(none - right) < 0.1 * right:
            return "stays"
        return "falls" if none < right else "rises"

    def html(self) -> Markup:
        """Recall of head and tail over the list's length, the head's share of it, and all figures at k."""
        lists, at = self.lists(self.kind), self.place
        ideal = self.world.ideal
        return Markup().join(
            [
                figures(
                    Figure("recall, all", f"{lists.all[at]:.1%}", CORRECTIONS[self.kind].name, "all"),
                    Figure("head", f"{lists.head[at]:.1%}", f"{self.world.head_items} items", "head"),
                    Figure(
                        "tail", f"{lists.tail[at]:.1%}", f"{self.world.items - self.world.head_items} items", "tail"
                    ),
                    Figure(
                        "head's places", f"{lists.head_share[at]:.0%}", f"{self.world.head_wanted:.0%} wanted", "share"
                    ),
                    Figure("likes an item", f"{lists.likes[at]:.1f}", f"{self.world.likes_wanted:.1f} wanted", "likes"),
                ),
                side_by_side(
                    self._chart("Recall of tail items", "tail"),
                    self._chart("Recall of head items", "head"),
                    self._chart("Places of a list with a head item", "head_share"),
                    self._chart("Recall of all items", "all"),
                ),
                Markup('<p class="small muted">{}</p>').format(self._what()),
                table(
                    f"All at k = {self.k}",
                    ("weighed", "all", "head", "tail", "head's places", "likes an item", "tail, difference (95%)"),
                    [
                        *(self._row(correction.name, self.lists(kind)) for kind, correction in CORRECTIONS.items()),
                        *([self._row("by the true p(i | u)", ideal)] if ideal else []),
                    ],
                ),
            ]
        )

    def _what(self) -> str:
        recurs = "simulated" if self.world.ideal else "real"
        return (
            f"{self.world.users} {recurs} users, {self.world.positives:,} positives, towers of width 16. The head is "
            f"the {self.world.head_items} items that hold half of the positives. Looked for: each user's last four "
            f"likes, of which {self.world.head_wanted:.0%} are head items."
        )

    def _chart(self, title: str, what: str) -> Markup:
        lines = [
            Series(correction.name, correction.css, self._points(getattr(self.lists(kind), what)))
            for kind, correction in CORRECTIONS.items()
        ]
        ideal = [Series("truth", "faint", self._points(getattr(self.world.ideal, what)))] if self.world.ideal else []
        top = max(y for line in (*lines, *ideal) for _, y in line.points)
        panel = Panel(title, "items in a list", (0, KS[-1]), (0.0, max(top, 0.01)))
        return chart(panel, lines, now=self.k, percent=True, behind=("truth", ideal) if ideal else ("", ()))

    @staticmethod
    def _points(values: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
        return tuple(zip(map(float, KS), values, strict=True))

    def _row(self, name: str, lists: Lists) -> tuple[str, ...]:
        at = self.place
        recalls = (f"{value[at]:.1%}" for value in (lists.all, lists.head, lists.tail))
        difference, low, high = lists.tail_difference[at]
        interval = f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"
        return (name, *recalls, f"{lists.head_share[at]:.0%}", f"{lists.likes[at]:.1f}", interval)


_sheet = SheetReader(SkewSheet)


@widget(
    "logq",
    title="What does the correction do to what is popular, and to what is not?",
    controls=(
        Choice("world", "Towers learn from", tuple(WORLDS.values())),
        Choice("sampler", "Negatives are", tuple(SAMPLERS.values())),
        Choice("kind", "Figures of the model with", tuple(each.name for each in CORRECTIONS.values())),
        Slider("k", "Items in a list", KS[0], KS[-1], 5, 20, (5, 10, 20, 50, 100)),
    ),
    guess=Guess(
        "Before you look: the batch's other positives serve as negatives, so popular items are drawn most. Leave the "
        "correction out. What happens to the recall of tail items, in lists of 20?",
        OUTCOMES,
    ),
)
def logq(engine: Engine, state: State) -> LogqView:
    """Look up the trainings with this world and sampler."""
    named = tuple(WORLDS)[state["world"]]
    sampler, kind = tuple(SAMPLERS)[state["sampler"]], tuple(CORRECTIONS)[state["kind"]]
    return LogqView(_sheet(engine).worlds[named], named, sampler, kind, state["k"])
