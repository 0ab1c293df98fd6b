"""Widget: where the milliseconds of one live request go, and its tail over repeated runs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.clock import SystemClock
from shortlist.core.randomness import new_draw_key
from shortlist.core.request import Request, RequestBatch
from shortlist.core.trace import Trace
from shortlist.funnel.engine import Engine
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget
from shortlist.pages import svg
from shortlist.pages.trace_chart import waterfall

__all__ = ["BudgetView", "StageTimes", "budget", "stage_times"]

MOST = 200
WARM_UP = 5
RATIOS = {"1.1": "1.1 times", "1.5": "1.5 times", "2.5": "2 to 3 times", "5": "5 times or more"}
WIDTH, HEIGHT, FLOOR = 380.0, 230.0, 196.0
VISITORS = ("the user with the smallest key", "a visitor nobody knows")


@dataclass(frozen=True, slots=True)
class StageTimes:
    """One stage over the runs, milliseconds."""

    stage: str
    name: str
    budget_ms: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class BudgetView:
    """The latest run and those before it.

    Attributes:
        live: the run that was made for this view.
        took_ms: of the last runs, the live one included, oldest first.
        promised_ms: the deadline that the reader tries.
        stages: in the order of the live run.
    """

    live: Trace
    took_ms: tuple[float, ...]
    promised_ms: int
    stages: tuple[StageTimes, ...]

    @property
    def p50(self) -> float:
        """Median, milliseconds."""
        return float(np.quantile(self.took_ms, 0.5))

    @property
    def p99(self) -> float:
        """Milliseconds; see ``p99_of``."""
        return p99_of(self.took_ms)

    @property
    def late(self) -> float:
        """Share of the runs that took longer than was promised."""
        return float(np.mean(np.array(self.took_ms) > self.promised_ms))

    def answer(self) -> str:
        """The tail against the middle."""
        return (
            f"Over {len(self.took_ms)} runs of the same request the p99 is {self.p99 / self.p50:.1f} times the median."
        )

    def right_guess(self) -> str:
        """The nearest option, on a log scale."""
        return min(RATIOS, key=lambda option: abs(np.log(float(option) / (self.p99 / self.p50))))

    def html(self) -> Markup:
        """The live run as a waterfall, the spread of all of them, and every stage's own tail."""
        rows = [(f"{s.name} ({s.stage})", f"{s.budget_ms:.4g}", f"{s.p50:.2f}", f"{s.p99:.2f}") for s in self.stages]
        return Markup().join(
            [
                figures(
                    Figure("this run", f"{self.live.took_ms:.2f}", "ms", "live"),
                    Figure("median", f"{self.p50:.2f}", "ms", "p50"),
                    Figure("p99", f"{self.p99:.2f}", f"ms over {len(self.took_ms)} runs", "p99"),
                    Figure("late", f"{self.late:.1%}", f"of runs, if {self.promised_ms} ms were promised", "late"),
                ),
                waterfall(self.live),
                side_by_side(self._histogram(), self._settling()),
                Markup('<p class="small muted">{}</p>').format(self._sum_of_tails()),
                table("A stage at a time, milliseconds", ("stage", "budget", "median", "p99"), rows),
            ]
        )

    def _sum_of_tails(self) -> str:
        after = sum(stage.p99 for stage in self.stages if stage.stage != "retrieve")
        slowest = max((stage.p99 for stage in self.stages if stage.stage == "retrieve"), default=0.0)
        moral = "the tails do not strike together" if after + slowest > self.p99 else "the rest is spent between stages"
        return (
            f"The p99s of the stages, the slowest source and the others one after the other, add up to "
            f"{after + slowest:.2f} ms. The p99 of the whole is {self.p99:.2f} ms: {moral}."
        )

    def _histogram(self) -> Markup:
        end = max(*self.took_ms, float(self.promised_ms)) * 1.05
        counts, edges = np.histogram(self.took_ms, bins=50, range=(0.0, end))
        x = svg.Scale((0.0, end), (0.0, WIDTH))
        high = svg.Scale((0.0, float(counts.max())), (0.0, FLOOR - 66))
        parts = [svg.text(0, 12, "Runs by their time", "strong"), svg.line(0, FLOOR, WIDTH, FLOOR, "axis")]
        parts += [
            svg.rect(x(left) + 0.3, FLOOR - high(n), x(right) - x(left) - 0.6, high(n), "bin", 1)
            for n, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
            if n
        ]
        parts += [
            svg.text(x(share * end), FLOOR + 18, f"{share * end:.1f} ms", anchor=anchor)
            for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
        ]
        marks = ((self.p50, "tail", "median"), (self.p99, "tail", "p99"), (self.promised_ms, "limit", "promised"))
        for (value, css, name), height in zip(marks, (34, 50, 34), strict=True):
            shift, anchor = (-6, "end") if x(value) > WIDTH * 0.7 else (6, "start")
            parts.append(svg.line(x(value), height - 10, x(value), FLOOR, css))
            parts.append(svg.text(x(value) + shift, height, name, "strong", anchor=anchor))
        label = f"Times of {len(self.took_ms)} runs: median {self.p50:.2f} ms, p99 {self.p99:.2f} ms"
        return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=label)

    def _settling(self) -> Markup:
        """The p99 as it would have been reported after 10, 20, … runs."""
        counts = range(10, len(self.took_ms) + 1, 10)
        points = tuple((float(n), p99_of(self.took_ms[:n])) for n in counts)
        panel = Panel("The p99 as you take more runs", "runs", (0, len(self.took_ms)), (0.0, max(y for _, y in points)))
        return chart(panel, [Series("p99, milliseconds", "two", points)], now=len(self.took_ms))


def p99_of(took_ms: Sequence[float]) -> float:
    """The least of the times that at least 99% of them do not exceed; of fewer than 100, the slowest."""
    return float(np.quantile(took_ms, 0.99, method="inverted_cdf"))


def stage_times(traces: Sequence[Trace]) -> tuple[StageTimes, ...]:
    """Median and p99 a stage over several runs, in the order of the last run."""
    took: dict[tuple[str, str], list[float]] = {}
    for trace in traces:
        for span in trace.spans:
            took.setdefault((span.stage, span.name), []).append(span.took_ms)
    return tuple(
        StageTimes(
            stage=span.stage,
            name=span.name,
            budget_ms=span.budget_ms,
            p50=float(np.quantile(took[span.stage, span.name], 0.5)),
            p99=p99_of(took[span.stage, span.name]),
        )
        for span in traces[-1].spans
    )


class _Runs:
    """Repeated runs of one request a kind of visitor; the first look makes enough of them, each further look one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._user = (next(iter(engine.history.users(1)), None), None)
        self._lock = threading.Lock()
        self._traces = tuple(deque[Trace](maxlen=MOST) for _ in VISITORS)

    def last(self, visitor: int, n: int) -> list[Trace]:
        """The last ``n`` runs, one of them made now."""
        with self._lock:
            traces = self._traces[visitor]
            missing = max(MOST - len(traces), 1)
            if missing > 1:
                for _ in range(WARM_UP):
                    self._run(visitor)
            traces.extend(self._run(visitor) for _ in range(missing))
            return list(traces)[-n:]

    def _run(self, visitor: int) -> Trace:
        request = Request(
            request_id="lesson", k=10, at_us=SystemClock().now_us(), user=self._user[visitor], draw_key=new_draw_key()
        )
        return self._engine.feed.funnel.run(RequestBatch.of(request)).trace


_once = OncePerEngine(_Runs)


@widget(
    "budget",
    title="Where do the milliseconds of a live request go?",
    controls=(
        Slider("runs", "Runs that the p99 is taken over", 10, MOST, 10, 100, (10, 20, 50, 100, 200)),
        Slider("promised", "Milliseconds you promise", 1, 50, 1, 10, (2, 5, 10, 20, 50)),
        Choice("visitor", "Who asks", VISITORS),
    ),
    guess=Guess(
        "Before you look: the same request, run again and again on this machine. How far is its p99 from its median?",
        RATIOS,
    ),
)
def budget(engine: Engine, state: State) -> BudgetView:
    """Run the feed's funnel once more, and look back over the last runs."""
    traces = _once(engine).last(state["visitor"], state["runs"])
    return BudgetView(traces[-1], tuple(trace.took_ms for trace in traces), state["promised"], stage_times(traces))
