"""Widget: the cheapest index that finds enough, in two worlds of vectors and in three currencies."""

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

__all__ = ["COSTS", "REGIMES", "FrontierSheet", "FrontierView", "MeasuredSetting", "Regime", "TunersPick", "frontier"]

REGIMES = ("inner product, queries from elsewhere", "cosine, queries like the items")
COSTS = ("vectors compared", "milliseconds on the machine that prepared it", "MiB of memory")
UNITS = ("vectors compared a query", "ms a query", "MiB")
COLOURS = {
    "exact": "faint",
    "ivf-flat": "two",
    "ivf-sq8": "one",
    "ivf-pq": "three",
    "hnsw": "four",
    "hnsw-reduced": "five",
}
FAMILIES = {"exact": "all", "ivf-flat": "cells", "ivf-sq8": "cells", "ivf-pq": "cells"}
GUESSES = {"graph": "a graph (HNSW)", "cells": "cells (IVF)", "all": "comparing with all"}


class MeasuredSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An index with an effort, and what it measured.

    Attributes:
        kind: of index.
        knobs: that it was built with.
        effort: of the search.
        recall: mean share of the true best k that was found.
        low: lower end of its 95% interval over queries.
        p50_ms: median of one query at a time on one thread, the better of two rounds in which settings took turns.
        compared: vectors compared with a query, mean, the cells' centres among them.
        build_s: seconds of the build.
        size: bytes of its files.
    """

    kind: str
    knobs: dict[str, int]
    effort: int
    recall: float
    low: float
    p50_ms: float
    compared: float
    build_s: float
    size: int

    @property
    def words(self) -> str:
        """Kind and effort; comparing with all has none."""
        return self.kind if self.kind == "exact" else f"{self.kind}, effort {self.effort}"

    def cost(self, currency: int) -> float:
        """In one of ``COSTS``."""
        return (self.compared, self.p50_ms, self.size / 2**20)[currency]


class TunersPick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``shortlist index tune`` takes: the fastest that held its recall on queries it was not chosen by."""

    kind: str
    effort: int
    recall: float
    low: float


class Regime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything measured in one world: settings an index at a time by rising effort, and the tuner's pick."""

    settings: tuple[MeasuredSetting, ...]
    picked: TunersPick

    def enough(self, wanted: float) -> list[MeasuredSetting]:
        """Settings whose lower limit of recall reaches what is wanted; comparing with all always does."""
        return [setting for setting in self.settings if setting.low >= wanted]


class FrontierSheet(Sheet, frozen=True, kw_only=True):
    """Sweeps over planted vectors.

    Attributes:
        count: vectors.
        width: of each.
        k: of recall at k.
        queries: that recall was measured on.
        target: the recall that the tuner was asked for.
        regimes: in the order of ``REGIMES``.
    """

    name: ClassVar[str] = "index_frontier"
    count: int
    width: int
    k: int
    queries: int
    target: float
    regimes: tuple[Regime, ...]


@dataclass(frozen=True, slots=True)
class FrontierView:
    """One world at one wanted recall, paid for in one currency."""

    sheet: FrontierSheet
    regime: int
    wanted: float
    currency: int

    def pick(self, regime: int, currency: int | None = None) -> MeasuredSetting:
        """The cheapest that finds enough, in the view's currency or another; of equals the fastest."""
        paid = self.currency if currency is None else currency
        return min(self.sheet.regimes[regime].enough(self.wanted), key=lambda s: (s.cost(paid), s.p50_ms))

    def answer(self) -> str:
        """What compares the fewest on raw inner products, and whether it is also the fastest."""
        fewest, fastest = self.pick(0, 0), self.pick(0, 1)
        return (
            f"On raw inner products {fewest.words} finds {self.wanted:.0%} of the true best {self.sheet.k} with the "
            f"fewest comparisons: {fewest.compared:,.0f} of {self.sheet.count:,}, in {fewest.p50_ms:.2f} ms. "
            + (
                "It was also the fastest."
                if fastest == fewest
                else f"The fastest was {fastest.words}: {fastest.compared:,.0f} comparisons in {fastest.p50_ms:.2f} ms."
            )
        )

    def right_guess(self) -> str:
        """The family that compares the fewest on raw inner products."""
        return FAMILIES.get(self.pick(0, 0).kind, "graph")

    def html(self) -> Markup:
        """Recall over the cost, what every index needs, and all settings."""
        pick, regime = self.pick(self.regime), self.sheet.regimes[self.regime]
        least = {kind: self._least(kind) for kind in COLOURS if any(s.kind == kind for s in regime.settings)}
        groups = [
            Points(kind, css, tuple((s.cost(self.currency), s.recall) for s in regime.settings if s.kind == kind))
            for kind, css in COLOURS.items()
            if kind in least
        ]
        return Markup().join(
            [
                figures(
                    Figure("the cheapest", pick.kind, f"effort {pick.effort}" if pick.kind != "exact" else "", "pick"),
                    Figure("its recall", f"{pick.recall:.1%}", f"at least {pick.low:.1%}", "recall"),
                    Figure("median", f"{pick.p50_ms:.3f}", "ms when it was prepared", "p50"),
                    Figure("compared", f"{pick.compared:,.0f}", f"of {self.sheet.count:,}", "compared"),
                    Figure("size", f"{pick.size / 2**20:.2f}", "MiB", "size"),
                ),
                Markup('<div class="charts">{}{}</div>').format(
                    scatter(
                        f"Recall of the true best {self.sheet.k}",
                        UNITS[self.currency],
                        groups,
                        level=self.wanted,
                        marked=(pick.cost(self.currency), pick.recall),
                    ),
                    self._needs(least),
                ),
                Markup('<p class="small muted">{}</p>').format(self._tuner()),
                table(
                    "Every setting that was measured",
                    ("setting", "recall", "low", "ms", "compared", "build, s"),
                    [
                        (
                            s.words,
                            f"{s.recall:.1%}",
                            f"{s.low:.1%}",
                            f"{s.p50_ms:.3f}",
                            f"{s.compared:,.0f}",
                            f"{s.build_s:.2f}",
                        )
                        for s in regime.settings
                    ],
                ),
            ]
        )

    def _least(self, kind: str) -> MeasuredSetting | None:
        """An index's cheapest setting that finds enough; None where it has none."""
        enough = [s for s in self.sheet.regimes[self.regime].enough(self.wanted) if s.kind == kind]
        return min(enough, key=lambda s: (s.cost(self.currency), s.p50_ms), default=None)

    def _needs(self, least: dict[str, MeasuredSetting | None]) -> Markup:
        """What every index needs for the wanted recall."""
        head = Markup().join(
            Markup('<th scope="col"{}>{}</th>').format(Markup(' class="num"') if n else "", name)
            for n, name in enumerate(("index", "effort", "ms", "compared", "MiB"))
        )
        rows = Markup().join(self._need(kind, setting) for kind, setting in least.items())
        return Markup(
            '<div class="scroll" tabindex="0" role="group" aria-label="What every index needs"><table>'
            "<caption>What each needs for {}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(f"{self.wanted:.0%}", head, rows)

    def _need(self, kind: str, setting: MeasuredSetting | None) -> Markup:
        if setting is None:
            best = max(s.recall for s in self.sheet.regimes[self.regime].settings if s.kind == kind)
            return Markup('<tr><th scope="row">{}</th><td colspan="4">at most {}</td></tr>').format(kind, f"{best:.1%}")
        cells = (
            f"{setting.effort}",
            f"{setting.p50_ms:.3f}",
            f"{setting.compared:,.0f}",
            f"{setting.size / 2**20:.2f}",
        )
        shown = Markup().join(Markup('<td class="num">{}</td>').format(cell) for cell in cells)
        return Markup('<tr><th scope="row">{}</th>{}</tr>').format(kind, shown)

    def _tuner(self) -> str:
        picked = self.sheet.regimes[self.regime].picked
        return (
            f"The engine's own tuner, asked for {self.sheet.target:.0%} of these vectors, chose {picked.kind} with "
            f"effort {picked.effort} on half of the {self.sheet.queries} queries; on the other half its recall was "
            f"{picked.recall:.1%}, with a lower limit of {picked.low:.1%}."
        )


_sheet = SheetReader(FrontierSheet)


@widget(
    "frontier",
    title="Which index is the cheapest that finds enough?",
    controls=(
        Choice("world", "The vectors", REGIMES),
        Choice("cost", "Cheap is counted in", COSTS),
        Slider("recall", "Recall that you want, in percent", 50, 99, 1, 95, (50, 70, 80, 90, 95, 97, 99)),
    ),
    guess=Guess(
        "Before you look: vectors of unlike lengths, searched by inner product, with queries that do not look like the "
        "items. What finds 95% of the true best by comparing the fewest vectors?",
        GUESSES,
    ),
)
def frontier(engine: Engine, state: State) -> FrontierView:
    """Look the settings up that were measured when the sheet was prepared."""
    return FrontierView(_sheet(engine), state["world"], state["recall"] / 100.0, state["cost"])
