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
from shortlist.lessons.views import Figure, figures, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget
from shortlist.pages import svg
from shortlist.pages.trace_chart import waterfall

__all__ = ["BudgetView", "StageTimes", "budget", "stage_times"]

MOST = 200
WARM_UP = 5
RATIOS = {"1.1": "1.1 times", "1.5": "1.5 times", "2.5": "2 to 3 times", "5": "5 times or more"}
WIDTH, HEIGHT, LEFT = 760.0, 150.0, 8.0
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
        """The least time that at least 99% of the runs kept to: with fewer than 100 runs, simply the slowest."""
        return float(np.quantile(self.took_ms, 0.99, method="inverted_cdf"))

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
        """The live run as a waterfall, the histogram of all of them, and every stage's own tail."""
        tails = sum(stage.p99 for stage in self.stages if stage.stage != "retrieve")
        slowest = max((stage.p99 for stage in self.stages if stage.stage == "retrieve"), default=0.0)
        rows = [(f"{s.name} ({s.stage})", f"{s.budget_ms:.4g}", f"{s.p50:.2f}", f"{s.p99:.2f}") for s in self.stages]
        return Markup().join(
            [
                figures(
                    Figure("this run", f"{self.live.took_ms:.2f}", "ms", "live"),
                    Figure("median", f"{self.p50:.2f}", "ms", "p50"),
                    Figure("p99", f"{self.p99:.2f}", f"ms over {len(self.took_ms)} runs", "p99"),
                    Figure("late", f"{self.late:.1%}", f"of runs, with {self.promised_ms} ms promised", "late"),
                ),
                waterfall(self.live),
                self._histogram(),
                Markup('<p class="small muted">{}</p>').format(
                    f"The p99s of the stages, the slowest source and then the rest one after the other, add up to "
                    f"{tails + slowest:.2f} ms; the p99 of the whole is {self.p99:.2f} ms. Tails rarely strike together."
                ),
                table("A stage at a time, milliseconds", ("stage", "budget", "median", "p99"), rows),
            ]
        )

    def _histogram(self) -> Markup:
        end = max(*self.took_ms, float(self.promised_ms)) * 1.05
        counts, edges = np.histogram(self.took_ms, bins=60, range=(0.0, end))
        x = svg.Scale((0.0, end), (LEFT, WIDTH - LEFT))
        floor = HEIGHT - 24
        high = svg.Scale((0.0, float(counts.max())), (0.0, floor - 40))
        parts = [
            svg.rect(x(left) + 0.5, floor - high(n), x(right) - x(left) - 1, high(n), "bin", 2)
            for n, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
            if n
        ]
        parts.append(svg.line(LEFT, floor, WIDTH - LEFT, floor, "axis"))
        parts += [
            svg.text(x(share * end), HEIGHT - 6, f"{share * end:.1f} ms", anchor=anchor)
            for share, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end"))
        ]
        for value, css, name, height in (
            (self.p50, "tail", "median", 14),
            (self.p99, "tail", "p99", 30),
            (float(self.promised_ms), "limit", "promised", 14),
        ):
            side = "end" if x(value) > WIDTH * 0.75 else "start"
            parts.append(svg.line(x(value), height - 10, x(value), floor, css))
            parts.append(svg.text(x(value) + (6 if side == "start" else -6), height, name, "strong", anchor=side))
        label = f"Times of {len(self.took_ms)} runs: median {self.p50:.2f} ms, p99 {self.p99:.2f} ms"
        return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=label)


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
            p99=float(np.quantile(took[span.stage, span.name], 0.99, method="inverted_cdf")),
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
