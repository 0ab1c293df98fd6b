"""Widget: who fills the ranker's list and how many of it are kept, against the page's recall and milliseconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.the_funnel.held_out import KEPT, MERGED, Recalls, RecallTable, recalls
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["LISTS", "KeptView", "kept"]

LISTS = {
    "popular": "what is popular",
    "item_neighbours": "neighbours of what was liked",
    "two_tower": "the two towers",
    MERGED: "all sources, merged",
}
"""The lists that the widget offers, with their names on the page."""
REPEATS = 5
TIMED = (10, 50, 100, 200, 300, 400)
ENOUGH = {"10": "about 10", "20": "about 20", "50": "about 50", "100": "about 100", "200": "200 or more"}


@dataclass(frozen=True, slots=True)
class KeptView:
    """Recall and cost of one list, cut at one number of kept candidates.

    Attributes:
        filled_by: the list that is looked at, a key of ``LISTS``.
        kept: candidates that go on to the ranker.
        slots: items on the page.
        tables: every list's recall, that of ``filled_by`` among them.
        score_ms: what the ranker took for that many rows just now, median of five runs.
        times: the same for other numbers of rows, taken when the release was first looked at.
        n_requests: how many held-out requests the recalls are means over.
    """

    filled_by: str
    kept: int
    slots: int
    tables: Mapping[str, RecallTable]
    score_ms: float
    times: Mapping[int, float]
    n_requests: int

    @property
    def table(self) -> RecallTable:
        """The looked-at list's recall."""
        return self.tables[self.filled_by]

    def answer(self) -> str:
        """Where the page has nearly all the recall that a list can give it: popularity's, and the merge's."""
        popular, merged = self.tables["popular"], self.tables[MERGED]
        return (
            f"Filled by popularity alone, a page of {self.slots} needs {popular.enough(self.slots)} candidates for 95% "
            f"of the best recall that list can give it ({self._best(popular):.1%}, over {self.n_requests} held-out "
            f"requests). Filled by the merge of all sources it needs {merged.enough(self.slots)} "
            f"(for 95% of {self._best(merged):.1%})."
        )

    def right_guess(self) -> str:
        """The nearest option, on a log scale."""
        enough = self.tables["popular"].enough(self.slots)
        return min(ENOUGH, key=lambda option: abs(np.log(int(option) / enough)))

    def html(self) -> Markup:
        """The ceiling and the page over the number of kept candidates, and the figures at the slider's place."""
        retrieved, shown = self.table.at(self.kept, self.slots)
        return Markup().join(
            [
                figures(
                    Figure("kept for the ranker", f"{self.kept}", f"of {self.table.mean_found:.0f} found"),
                    Figure("their recall", f"{retrieved:.1%}", "the ceiling", "retrieved"),
                    Figure("page as found", f"{self._unranked(self.table):.1%}", "no ranker", "unranked"),
                    Figure("recall of the page", f"{shown:.1%}", "ranked", "shown"),
                    Figure("the ranker, just now", f"{self.score_ms:.2f}", "ms", "score-ms"),
                ),
                side_by_side(self._ceiling(), self._page()),
                table(
                    "Every list at this place, in figures",
                    ("filled by", "found", "ceiling", "page, no ranker", "page, ranked", "enough"),
                    [self._row(name) for name in self.tables],
                ),
                table(
                    f"This list at other places ({LISTS[self.filled_by]})",
                    ("kept", "ceiling", "page, ranked", "ranker, ms"),
                    [
                        (str(n), *(f"{recall:.1%}" for recall in self.table.at(n, self.slots)), f"{ms:.2f}")
                        for n, ms in self.times.items()
                    ],
                ),
            ]
        )

    def _ceiling(self) -> Markup:
        lines = [Series("this list", "one", _over_kept(self.table.retrieved.tolist()))]
        others = [
            Series(LISTS[name], "faint", _over_kept(other.retrieved.tolist()))
            for name, other in self.tables.items()
            if name != self.filled_by
        ]
        top = max(float(each.retrieved[-1]) for each in self.tables.values())
        panel = Panel("Recall of what is kept: the ceiling", "candidates kept", (0, KEPT[-1]), (0.0, max(top, 0.01)))
        return chart(panel, lines, now=self.kept, percent=True, behind=("other lists", others))

    def _page(self) -> Markup:
        column = self.slots - 1
        lines = [
            Series("ranked", "two", _over_kept(self.table.shown[:, column].tolist())),
            Series("as found, no ranker", "three", _over_kept([self._unranked(self.table)] * len(KEPT))),
        ]
        others = [
            Series(LISTS[name], "faint", _over_kept(other.shown[:, column].tolist()))
            for name, other in self.tables.items()
            if name != self.filled_by
        ]
        top = max(max(self._best(each), self._unranked(each)) for each in self.tables.values())
        panel = Panel(f"Recall of the page of {self.slots}", "candidates kept", (0, KEPT[-1]), (0.0, max(top, 0.01)))
        return chart(panel, lines, now=self.kept, percent=True, behind=("other lists, ranked", others))

    def _row(self, name: str) -> tuple[str, ...]:
        each = self.tables[name]
        retrieved, shown = each.at(self.kept, self.slots)
        recall = (f"{value:.1%}" for value in (retrieved, self._unranked(each), shown))
        return (LISTS[name], f"{each.mean_found:.0f}", *recall, str(each.enough(self.slots)))

    def _best(self, each: RecallTable) -> float:
        return float(each.shown[:, self.slots - 1].max())

    def _unranked(self, each: RecallTable) -> float:
        return float(each.unranked[self.slots - 1])


def _over_kept(heights: list[float]) -> tuple[tuple[float, float], ...]:
    return tuple(zip(map(float, KEPT), heights, strict=True))


def _measured(engine: Engine) -> tuple[Recalls, dict[int, float]]:
    found = recalls(engine)
    return found, {n: score_ms(engine, *found.example, n) for n in TIMED if n <= len(found.example[1])}


def score_ms(engine: Engine, batch: RequestBatch, candidates: Candidates, kept: int) -> float:
    """What the feed's scorers take for the first ``kept`` rows, median of five runs, milliseconds."""
    n = min(kept, len(candidates))
    narrowed = candidates.arrange(np.arange(n), np.array([0, n]))
    took: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter_ns()
        for scorer in engine.feed.funnel.scorers:
            scorer.component.score(batch, narrowed)
        took.append((time.perf_counter_ns() - began) / 1e6)
    return statistics.median(took)


_once = OncePerEngine(_measured)


@widget(
    "kept",
    title="How many candidates should the ranker see, and who should find them?",
    controls=(
        Choice("list", "The list is filled by", tuple(LISTS.values())),
        Choice("reads", "The ranker reads", ("what every source says of an item", "what that one source says of it")),
        Slider("n", "Candidates kept for the ranker", KEPT[0], KEPT[-1], 10, 100, (10, 20, 50, 100, 200, 400)),
        Slider("slots", "Slots on the page", 5, 50, 5, 10, (5, 10, 20)),
    ),
    guess=Guess(
        "Before you look: let popularity alone fill the list. How many of it must the ranker see before the page has "
        "95% of the recall that this list can give it?",
        ENOUGH,
    ),
)
def kept(engine: Engine, state: State) -> KeptView:
    """Look up recall in the release's tables, and time the ranker on that many rows."""
    found, times = _once(engine)
    filled_by = tuple(LISTS)[state["list"]]
    tables = {name: found.of(name, alone=bool(state["reads"])) for name in LISTS if name in found.informed}
    rows = min(state["n"], round(found.of(filled_by).mean_found))
    return KeptView(
        filled_by=filled_by,
        kept=state["n"],
        slots=state["slots"],
        tables=tables,
        score_ms=score_ms(engine, *found.example, rows),
        times=times,
        n_requests=found.n_requests,
    )
