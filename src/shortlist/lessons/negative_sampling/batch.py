"""Widget: the batch size, against negatives, accidental hits, recall, time and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.log_chart import log_chart
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, Series, figures, side_by_side, table
from shortlist.lessons.widget import Guess, Slider, State, widget

__all__ = ["SIZES", "WIDTH", "BatchSheet", "BatchSize", "BatchView", "Cost", "batch"]

SIZES = tuple(2**power for power in range(7, 12))
"""Positives a batch."""
WIDTH = 64
"""Of the vectors whose softmax is timed."""
TIMES = {"4": "4 times", "16": "16 times", "64": "64 times"}
MEGA = 2.0**20


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of the loss alone, forward and backward.

    Attributes:
        rows_a_second: of one thread's processor time.
        peak_bytes: the most that its tensors hold at one moment.
    """

    rows_a_second: float
    peak_bytes: int


class BatchSize(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch size gives and costs.

    Attributes:
        steps: a pass.
        others: places in the batch besides a positive's own, mean over the positives of a pass.
        hits: of them, those that hold the positive's own item and are left out.
        distinct: different items in the batch, likewise.
        recall_20: of what users liked last, after as many passes as every size had.
        error_step: relative error of one positive's gradient, one draw.
        error_mean: of the mean over draws.
        whole: with the matrix of all logits.
        chunked: 256 rows at a time.
    """

    steps: int
    others: float
    hits: float
    distinct: float
    recall_20: float
    error_step: float
    error_mean: float
    whole: Cost
    chunked: Cost


class BatchSheet(Sheet, frozen=True, kw_only=True):
    """By batch size (``SIZES``)."""

    name: ClassVar[str] = "negatives-batch"
    users: int
    items: int
    positives: int
    passes: int
    sizes: tuple[BatchSize, ...]


@dataclass(frozen=True, slots=True)
class BatchView:
    """One size beside the others."""

    sheet: BatchSheet
    size: int

    def at(self, size: int) -> BatchSize:
        """The figures of a size."""
        return self.sheet.sizes[SIZES.index(size)]

    @property
    def growth(self) -> float:
        """Of the peak with all logits, over the last factor of four in the batch."""
        return self.at(SIZES[-1]).whole.peak_bytes / self.at(SIZES[-3]).whole.peak_bytes

    def answer(self) -> str:
        """The peaks at both ends of the last factor of four."""
        few, many = self.at(SIZES[-3]), self.at(SIZES[-1])
        return (
            f"The loss holds {few.whole.peak_bytes / MEGA:.1f} MB at batch {SIZES[-3]:,} and "
            f"{many.whole.peak_bytes / MEGA:.1f} MB at {SIZES[-1]:,}, {self.growth:.1f} times as much; 256 rows at a "
            f"time it holds {few.chunked.peak_bytes / MEGA:.1f} and {many.chunked.peak_bytes / MEGA:.1f} MB."
        )

    def right_guess(self) -> str:
        """The nearest of the options."""
        return min(TIMES, key=lambda option: abs(float(option) - self.growth))

    def html(self) -> Markup:
        """Figures at the slider's place, and all of them over the batch size."""
        now = self.at(self.size)
        return Markup().join(
            [
                figures(
                    Figure("negatives", f"{now.others:,.0f}", "other places a positive", "others"),
                    Figure("left out", f"{now.hits:.1f}", "its own item", "hits"),
                    Figure("different items", f"{now.distinct:.0f}", f"of {self.sheet.items}", "distinct"),
                    Figure("recall at 20", f"{now.recall_20:.1%}", f"{self.sheet.passes} passes", "recall-20"),
                    Figure("gradient's error", f"{now.error_step:.3f}", "a single draw", "error"),
                    Figure("memory", f"{now.whole.peak_bytes / MEGA:.1f}", "MB, all logits", "whole-mb"),
                    Figure("in chunks", f"{now.chunked.peak_bytes / MEGA:.1f}", "MB", "chunked-mb"),
                    Figure("rows a second", f"{now.chunked.rows_a_second:,.0f}", "in chunks", "rows"),
                ),
                side_by_side(
                    self._chart(
                        "Memory of the loss, MB",
                        [
                            ("all logits", "two", lambda each: each.whole.peak_bytes / MEGA),
                            ("in chunks", "one", lambda each: each.chunked.peak_bytes / MEGA),
                        ],
                        log_y=True,
                        form=lambda value: f"{value:.2g}",
                    ),
                    self._chart(
                        "Rows a second, thousands",
                        [
                            ("all logits", "two", lambda each: each.whole.rows_a_second / 1e3),
                            ("in chunks", "one", lambda each: each.chunked.rows_a_second / 1e3),
                        ],
                        form=lambda value: f"{value:.0f}",
                    ),
                    self._chart(
                        "Relative error of a positive's gradient",
                        [
                            ("a single draw", "one", lambda each: each.error_step),
                            ("mean of draws", "three", lambda each: each.error_mean),
                        ],
                        log_y=True,
                        form=lambda value: f"{value:.2g}",
                    ),
                    self._chart(
                        f"Recall at 20 after {self.sheet.passes} passes",
                        [("log E taken off", "one", lambda each: each.recall_20)],
                        form=lambda value: f"{value:.0%}",
                    ),
                ),
                Markup('<p class="small muted">{}</p>').format(
                    f"Recall, negatives and hits: {self.sheet.users} simulated users, {self.sheet.positives:,} "
                    f"positives over {self.sheet.items} items. The gradient's error: the world of the first widget. "
                    f"Time and memory: the loss alone, vectors of width {WIDTH}, one thread, when the sheet was made."
                ),
                table(
                    "All sizes, in figures",
                    ("batch", "steps a pass", "left out", "items", "recall at 20", "error", "MB, all", "MB, chunks",
                     "rows/s, all", "rows/s, chunks"),
                    [self._row(size) for size in SIZES],
                ),
            ]
        )  # fmt: skip

    def _chart(
        self,
        title: str,
        lines: list[tuple[str, str, Callable[[BatchSize], float]]],
        *,
        form: Callable[[float], str],
        log_y: bool = False,
    ) -> Markup:
        series = [
            Series(name, css, tuple((float(size), of(self.at(size))) for size in SIZES)) for name, css, of in lines
        ]
        return log_chart(title, "positives a batch", series, now=self.size, form=form, log_y=log_y)

    def _row(self, size: int) -> tuple[str, ...]:
        each = self.at(size)
        return (
            f"{size:,}", f"{each.steps:,}", f"{each.hits:.1f}", f"{each.distinct:.0f}", f"{each.recall_20:.1%}",
            f"{each.error_step:.3f}", f"{each.whole.peak_bytes / MEGA:.1f}", f"{each.chunked.peak_bytes / MEGA:.1f}",
            f"{each.whole.rows_a_second:,.0f}", f"{each.chunked.rows_a_second:,.0f}",
        )  # fmt: skip


_sheet = SheetReader(BatchSheet)


@widget(
    "batch",
    title="How large should the batch be?",
    controls=(Slider("power", "Positives a batch: 2 to the power of", 7, 11, 1, 9, tuple(range(7, 12))),),
    guess=Guess(
        f"Before you look: the batch grows from {SIZES[-3]:,} to {SIZES[-1]:,}, four times as large. How much more "
        "memory does the loss hold, if all its logits are there at once?",
        TIMES,
    ),
)
def batch(engine: Engine, state: State) -> BatchView:
    """Look up one size."""
    return BatchView(_sheet(engine), 2 ** state["power"])
