"""Widget: candidates kept for the ranker, against recall and milliseconds."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.candidates import Candidates
from shortlist.core.request import RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.the_funnel.held_out import KEPT, RecallTable, recall_table
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Guess, Slider, State, widget

__all__ = ["KeptView", "kept"]

REPEATS = 5
TIMED = (10, 50, 100, 150, 200, 250, 300, 350, 400)
ENOUGH = {"20": "about 20", "50": "about 50", "100": "about 100", "200": "about 200", "400": "all 400"}


@dataclass(frozen=True, slots=True)
class KeptView:
    """Recall and cost at one number of kept candidates.

    Attributes:
        kept: candidates that go on to the ranker.
        slots: items on the page.
        retrieved: recall of the kept candidates: the ceiling of everything after them.
        shown: recall of the page.
        best: the page's recall at the best number of kept candidates.
        enough: the least number kept at which the page has 95% of ``best``.
        score_ms: what the ranker took for ``kept`` rows just now, median of five runs.
        times: the same for other numbers of rows, taken when the release was first looked at.
    """

    kept: int
    slots: int
    retrieved: float
    shown: float
    best: float
    enough: int
    score_ms: float
    times: tuple[tuple[int, float], ...]
    recall: RecallTable

    def answer(self) -> str:
        """Where the page has nearly all the recall it can have."""
        return (
            f"With {self.slots} slots, {self.enough} candidates give the page 95% of the best recall any number "
            f"gives ({self.best:.1%} over {self.recall.n_requests} held-out requests)."
        )

    def right_guess(self) -> str:
        """The nearest option, on a log scale."""
        return min(ENOUGH, key=lambda option: abs(np.log(int(option) / self.enough)))

    def html(self) -> Markup:
        """Two charts over the number of kept candidates, and the figures at the slider's place."""
        shown = self.recall.shown[:, self.slots - 1]
        recall = chart(
            Panel("Recall", "candidates kept", (0, KEPT[-1]), (0.0, float(max(self.recall.retrieved[-1], 0.01)))),
            [
                Series("kept for the ranker", "one", tuple(zip(KEPT, self.recall.retrieved.tolist(), strict=True))),
                Series(f"on a page of {self.slots}", "two", tuple(zip(KEPT, shown.tolist(), strict=True))),
            ],
            now=self.kept,
            percent=True,
        )
        slowest = max(ms for _, ms in (*self.times, (self.kept, self.score_ms)))
        cost = chart(
            Panel("Milliseconds in the ranker", "candidates kept", (0, KEPT[-1]), (0.0, slowest)),
            [Series("measured when first opened", "three", self.times)],
            now=self.kept,
            dot=(self.kept, self.score_ms),
        )
        rows = [
            (str(n), f"{self.recall.at(n, self.slots)[0]:.1%}", f"{self.recall.at(n, self.slots)[1]:.1%}")
            for n in (10, 50, 100, 200, 400)
        ]
        return Markup().join(
            [
                figures(
                    Figure("kept for the ranker", f"{self.kept}", "candidates"),
                    Figure("their recall", f"{self.retrieved:.1%}", "the ceiling", "retrieved"),
                    Figure("recall of the page", f"{self.shown:.1%}", f"of {self.best:.1%} at best", "shown"),
                    Figure("the ranker, just now", f"{self.score_ms:.2f}", "ms", "score-ms"),
                ),
                side_by_side(recall, cost),
                table("The same in figures", ("kept", "recall of the kept", "recall of the page"), rows),
            ]
        )


def _measured(engine: Engine) -> tuple[RecallTable, tuple[tuple[int, float], ...]]:
    recall = recall_table(engine)
    batch, candidates = recall.example
    return recall, tuple((n, score_ms(engine, batch, candidates, n)) for n in TIMED if n <= len(candidates))


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
    title="How many candidates should the ranker see?",
    controls=(
        Slider("n", "Candidates kept for the ranker", KEPT[0], KEPT[-1], 10, 100, tuple(range(20, 401, 20))),
        Slider("slots", "Slots on the page", 5, 50, 5, 10, (5, 10, 20, 50)),
    ),
    guess=Guess(
        "Before you look: how many candidates must the ranker see before the page has 95% of the recall it can have?",
        ENOUGH,
    ),
)
def kept(engine: Engine, state: State) -> KeptView:
    """Look up recall in the release's table, and time the ranker on that many rows."""
    recall, times = _once(engine)
    retrieved, shown = recall.at(state["n"], state["slots"])
    return KeptView(
        kept=state["n"],
        slots=state["slots"],
        retrieved=retrieved,
        shown=shown,
        best=float(recall.shown[:, state["slots"] - 1].max()),
        enough=recall.enough(state["slots"]),
        score_ms=score_ms(engine, *recall.example, state["n"]),
        times=times,
        recall=recall,
    )
