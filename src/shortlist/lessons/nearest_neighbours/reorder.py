"""Widget: one query, three meanings of "near": the release's factors by dot, cosine and Euclidean distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Float32, Float64, Int64
from shortlist.core.errors import NotFound
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.engine import Engine
from shortlist.lessons.nearest_neighbours.overlap import SPREADS, Overlap, overlap_of, spread_out
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.views import Figure, Panel, Series, chart, figures, side_by_side
from shortlist.lessons.widget import Guess, Slider, State, widget
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.metric import Metric

__all__ = ["NearView", "factors_of", "near_by", "reorder"]

TOP = 10
METRICS = {Metric.DOT: "dot", Metric.COSINE: "cosine", Metric.L2: "distance"}
GUESSES = {"all": "9 or 10", "most": "6 to 8", "half": "3 to 5", "few": "2 or fewer"}


def factors_of(engine: Engine) -> tuple[Catalogue, Float32]:
    """The items that the factorization knows, and their vectors as they were learned: their lengths differ.

    Raises:
        NotFound: the release has no factorization.
    """
    folder = engine.release.folder / "retrieval" / AlsSource.name
    if not folder.is_dir():
        raise NotFound("this release has no factors", where=str(folder.name), fix="train it on data with users")
    return engine.catalogue, AlsSource.load(folder, engine.catalogue).factor


def near_by(vectors: Float32, row: int, metric: Metric, k: int) -> Int64:
    """The k rows nearest to a row's own vector, itself among them where it is near: int64 ``(k,)``."""
    index = ExactIndex(metric)
    known = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    index.build(vectors[known], known)
    found: Int64 = index.search(vectors[row][None], min(k, len(known))).ids[0]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class NearView:
    """The nearest of one item by each meaning, itself included.

    Attributes:
        title: of the item.
        near: rows by each of ``METRICS``, nearest first.
        titles: of the rows.
        own_rank: where the item itself stands by inner product, from 1.
        percent: of the learned spread of lengths.
        overlap: what the spread does to all items.
    """

    title: str
    near: dict[Metric, Int64]
    titles: dict[int, str]
    own_rank: int
    percent: int
    overlap: Overlap

    def shared(self, one: Metric, other: Metric) -> int:
        """How many of the first ten two meanings share."""
        return len(np.intersect1d(self.near[one], self.near[other]))

    def answer(self) -> str:
        """How many of ten dot and cosine share, and where the item stands in its own list."""
        shared = self.shared(Metric.DOT, Metric.COSINE)
        return (
            f"For “{self.title}”, inner product and cosine share {shared} of {TOP}. By inner product the item itself "
            f"comes in place {self.own_rank}: longer vectors are “nearer” to it than it is to itself."
            if self.own_rank > 1
            else f"For “{self.title}”, inner product and cosine share {shared} of {TOP}, and the item is its own first."
        )

    def right_guess(self) -> str:
        """By the number shared."""
        shared = self.shared(Metric.DOT, Metric.COSINE)
        return "all" if shared >= 9 else "most" if shared >= 6 else "half" if shared >= 3 else "few"

    def html(self) -> Markup:
        """Three lists side by side, and what the spread does to the whole catalogue."""
        head = Markup().join(Markup('<th scope="col">{}</th>').format(name) for name in METRICS.values())
        rows = Markup().join(
            Markup("<tr>{}</tr>").format(
                Markup().join(Markup("<td>{}</td>").format(self.titles[int(self.near[m][n])]) for m in METRICS)
            )
            for n in range(min(len(found) for found in self.near.values()))
        )
        listed = Markup(
            '<div class="scroll" tabindex="0" role="group" aria-label="The nearest by three meanings"><table>'
            "<caption>The nearest of “{}”</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(self.title, head, rows)
        return Markup().join(
            [
                figures(
                    Figure("dot and cosine share", str(self.shared(Metric.DOT, Metric.COSINE)), f"of {TOP}", "shared"),
                    Figure("dot and distance share", str(self.shared(Metric.DOT, Metric.L2)), f"of {TOP}", "dot-l2"),
                    Figure("its own place", str(self.own_rank), "by inner product", "own-rank"),
                    Figure("over all items", f"{self._now(self.overlap.cosine):.0%}", "dot and cosine share", "mean"),
                    Figure("ever among the ten", f"{self._now(self.overlap.shown):.0%}", "of items, by dot", "among"),
                ),
                listed,
                side_by_side(self._agreement(), self._hubs()),
            ]
        )

    def _now(self, over_spreads: Float64) -> float:
        return float(over_spreads[SPREADS.index(self.percent)])

    def _agreement(self) -> Markup:
        lines = [
            Series("dot and cosine", "one", _over_spreads(self.overlap.cosine)),
            Series("dot and distance", "two", _over_spreads(self.overlap.distance)),
        ]
        panel = Panel(f"Share of the first {TOP} in both", "spread of lengths, %", (0, SPREADS[-1]), (0.0, 1.0))
        return chart(panel, lines, now=self.percent, percent=True)

    def _hubs(self) -> Markup:
        lines = [
            Series("among another's first ten", "one", _over_spreads(self.overlap.shown)),
            Series("its own first", "three", _over_spreads(self.overlap.itself)),
        ]
        panel = Panel("Share of all items, by dot", "spread of lengths, %", (0, SPREADS[-1]), (0.0, 1.0))
        return chart(panel, lines, now=self.percent, percent=True)


def _over_spreads(shares: Float64) -> tuple[tuple[float, float], ...]:
    return tuple(zip(map(float, SPREADS), shares.tolist(), strict=True))


def _measured(engine: Engine) -> tuple[Catalogue, Float32, Overlap]:
    catalogue, factor = factors_of(engine)
    return catalogue, factor, overlap_of(factor[np.linalg.norm(factor, axis=1) > 0], TOP)


_once = OncePerEngine(_measured)


@widget(
    "reorder",
    title="What does “near” mean?",
    controls=(
        Slider("item", "Item", 1, 200, 1, 50, (1, 10, 50, 100, 181)),
        Slider(
            "spread", "Spread of the lengths, in percent of what was learned", 0, 200, 25, 100, (0, 50, 100, 150, 200)
        ),
    ),
    guess=Guess(
        "Before you look: take an item's ten nearest by inner product and by cosine. How many are in both lists?",
        GUESSES,
    ),
)
def reorder(engine: Engine, state: State) -> NearView:
    """Search the release's factors exactly, three times."""
    catalogue, factor, overlap = _once(engine)
    known = np.flatnonzero(np.linalg.norm(factor, axis=1) > 0)
    row = int(known[(state["item"] - 1) % len(known)])
    vectors = spread_out(factor, state["spread"] / 100.0)
    near = {metric: near_by(vectors, row, metric, TOP) for metric in METRICS}
    everything = near_by(vectors, row, Metric.DOT, len(known))
    rows = {int(r) for found in near.values() for r in found}
    return NearView(
        title=catalogue.titles[row],
        near=near,
        titles={r: catalogue.titles[r] for r in rows},
        own_rank=int(np.flatnonzero(everything == row)[0]) + 1,
        percent=state["spread"],
        overlap=overlap,
    )
