"""Widget: the cheapest index that finds enough, in two worlds of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from markupsafe import Markup

from shortlist.funnel.engine import Engine
from shortlist.lessons.scatter import Points, scatter
from shortlist.lessons.sheets import Sheet, SheetReader
from shortlist.lessons.views import Figure, figures, table
from shortlist.lessons.widget import Choice, Guess, Slider, State, widget

__all__ = ["REGIMES", "FrontierSheet", "FrontierView", "MeasuredSetting", "Regime", "frontier"]

REGIMES = ("inner product, queries from elsewhere", "cosine, queries like the items")
FAMILIES = {
    "exact": ("all compared", "faint"),
    "ivf-flat": ("cells", "two"),
    "ivf-sq8": ("cells", "two"),
    "ivf-pq": ("cells and codes", "three"),
    "hnsw": ("graph", "one"),
    "hnsw-reduced": ("graph", "one"),
}
GUESSES = {"graph": "a graph (HNSW)", "cells": "cells (IVF)", "all compared": "comparing with all"}


class MeasuredSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An index with an effort, and what it measured.

    Attributes:
        kind: of index.
        knobs: that it was built with.
        effort: of the search.
        recall: share of the true best k that was found.
        p50_ms: median of one query at a time on one thread.
        build_s: seconds of the build.
        size: bytes of its files.
    """

    kind: str
    knobs: dict[str, int]
    effort: int
    recall: float
    p50_ms: float
    build_s: float
    size: int

    @property
    def words(self) -> str:
        """Kind, knobs and effort."""
        knobs = "".join(f", {name.replace('_', ' ')} {value}" for name, value in self.knobs.items())
        return f"{self.kind}{knobs}, effort {self.effort}"


class Regime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything measured in one world."""

    settings: tuple[MeasuredSetting, ...]


class FrontierSheet(Sheet, frozen=True, kw_only=True):
    """Sweeps over planted vectors.

    Attributes:
        count: vectors.
        width: of each.
        k: of recall at k.
        queries: that recall and time were measured on.
        regimes: in the order of ``REGIMES``.
    """

    name: ClassVar[str] = "index_frontier"
    count: int
    width: int
    k: int
    queries: int
    regimes: tuple[Regime, ...]


@dataclass(frozen=True, slots=True)
class FrontierView:
    """One world at one wanted recall."""

    sheet: FrontierSheet
    regime: int
    wanted: float

    def pick(self, regime: int) -> MeasuredSetting:
        """The fastest that finds enough; comparing with all always does."""
        settings = self.sheet.regimes[regime].settings
        return min((s for s in settings if s.recall >= self.wanted), key=lambda s: s.p50_ms)

    def answer(self) -> str:
        """Which family wins on raw inner products, and which on cosine."""
        raw, same = self.pick(0), self.pick(1)
        return (
            f"At a recall of {self.wanted:.0%} the fastest of {self.sheet.count:,} vectors is {raw.words} on raw inner "
            f"products ({raw.p50_ms:.2f} ms), and {same.words} on cosine ({same.p50_ms:.2f} ms)."
        )

    def right_guess(self) -> str:
        """The family that wins on raw inner products."""
        family = FAMILIES[self.pick(0).kind][0]
        return family if family in GUESSES else "cells"

    def html(self) -> Markup:
        """Recall over milliseconds, and the pick's figures."""
        pick, settings = self.pick(self.regime), self.sheet.regimes[self.regime].settings
        exact = next(s for s in settings if s.kind == "exact")
        groups = []
        for family, css in dict.fromkeys(FAMILIES.values()):
            found = sorted((s.p50_ms, s.recall) for s in settings if FAMILIES[s.kind][0] == family)
            if found:
                groups.append(Points(family, css, tuple(found)))
        return Markup().join(
            [
                figures(
                    Figure("the cheapest", pick.kind, f"effort {pick.effort}", "pick"),
                    Figure("its recall", f"{pick.recall:.1%}", f"at {self.sheet.k}", "recall"),
                    Figure("median", f"{pick.p50_ms:.3f}", "ms when it was prepared", "p50"),
                    Figure("size", f"{pick.size / 2**20:.1f}", "MiB", "size"),
                    Figure("comparing with all", f"{exact.p50_ms:.3f}", "ms", "exact-p50"),
                ),
                scatter(
                    f"Recall of the true best {self.sheet.k}, {REGIMES[self.regime]}",
                    "milliseconds a query",
                    groups,
                    level=self.wanted,
                    marked=(pick.p50_ms, pick.recall),
                ),
                table(
                    "Every setting that was measured",
                    ("setting", "recall", "ms", "build, s", "MiB"),
                    [
                        (s.words, f"{s.recall:.1%}", f"{s.p50_ms:.3f}", f"{s.build_s:.2f}", f"{s.size / 2**20:.1f}")
                        for s in sorted(settings, key=lambda s: s.p50_ms)
                    ],
                ),
            ]
        )


_sheet = SheetReader(FrontierSheet)


@widget(
    "frontier",
    title="Which index is the cheapest that finds enough?",
    controls=(
        Choice("world", "The vectors", REGIMES),
        Slider("recall", "Recall that you want, in percent", 50, 99, 1, 95, (50, 70, 80, 90, 95, 97, 99)),
    ),
    guess=Guess(
        "Before you look: vectors of unlike lengths, searched by inner product, with queries that do not look like the "
        "items. What is the cheapest way to 95% of the true best?",
        GUESSES,
    ),
)
def frontier(engine: Engine, state: State) -> FrontierView:
    """Look the settings up that were measured when the sheet was prepared."""
    return FrontierView(_sheet(engine), state["world"], state["recall"] / 100.0)
