"""Widget: one query, three meanings of "near": the release's factors by dot, cosine and Euclidean distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Float32, Int64
from shortlist.core.errors import NotFound
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.engine import Engine
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.views import Figure, figures
from shortlist.lessons.widget import Guess, Slider, State, widget
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.metric import Metric

__all__ = ["NearView", "factors_of", "near_by", "reorder", "spread_out"]

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


def spread_out(factor: Float32, spread: float) -> Float32:
    """Vectors with the same directions and lengths to the power of ``spread``: at 0 all have the length 1."""
    length = np.linalg.norm(factor, axis=1, keepdims=True)
    usual = float(np.median(length[length > 0]))
    scaled = np.where(length > 0, (length / usual) ** spread / np.maximum(length, 1e-12), 0.0)
    return (factor * scaled).astype(np.float32)


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
        spread: of the lengths, 1 as learned.
    """

    title: str
    near: dict[Metric, Int64]
    titles: dict[int, str]
    own_rank: int
    spread: float

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
        """Three lists side by side."""
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
                    Figure("lengths", f"{self.spread:.0%}", "of their learned spread", "spread"),
                ),
                listed,
            ]
        )


_once = OncePerEngine(factors_of)


@widget(
    "reorder",
    title="What does “near” mean?",
    controls=(
        Slider("item", "Item", 1, 200, 1, 50, (1, 10, 50, 100, 181)),
        Slider("spread", "Spread of the lengths, in percent of what was learned", 0, 200, 25, 100, (0, 50, 100, 200)),
    ),
    guess=Guess(
        "Before you look: take an item's ten nearest by inner product and by cosine. How many are in both lists?",
        GUESSES,
    ),
)
def reorder(engine: Engine, state: State) -> NearView:
    """Search the release's factors exactly, three times."""
    catalogue, factor = _once(engine)
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
        spread=state["spread"] / 100.0,
    )
