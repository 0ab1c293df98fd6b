"""Widget: a search on a real HNSW graph, step by step, over the release's items laid out in the plane."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
from markupsafe import Markup

from shortlist.core.arrays import Bool, Float32, Int64
from shortlist.core.errors import NotFound
from shortlist.funnel.engine import Engine
from shortlist.lessons.nearest_neighbours.reorder import factors_of
from shortlist.lessons.once import OncePerEngine
from shortlist.lessons.views import Figure, figures, side_by_side
from shortlist.lessons.widget import Guess, Slider, State, widget
from shortlist.pages import svg
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.hnsw_walk import Walk, true_order, walk
from shortlist.retrieval.index.metric import Metric

__all__ = ["Plane", "StrollView", "plane_of", "query_of", "stroll"]

MOST_POINTS = 400
MOST_STEPS = 60
DEGREE, BREADTH = 4, 40
SIDE, EDGE = 420.0, 14.0
ACROSS, UP = svg.Scale((0.0, 1.0), (EDGE, SIDE - EDGE)), svg.Scale((0.0, 1.0), (SIDE - EDGE, EDGE))
SAID = 8
GUESSES = {"10": "about 10", "40": "about 40", "100": "about 100", "400": "all 400"}


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Items in two dimensions and the graph over them.

    Attributes:
        points: float32 ``(N, 2)`` in [0, 1].
        titles: of the points.
        index: HNSW by Euclidean distance.
        at: where each is drawn.
        ground: their drawing, the same behind every search; points in more layers than the lowest are larger.
    """

    points: Float32
    titles: tuple[str, ...]
    index: HnswIndex
    at: tuple[tuple[float, float], ...]
    ground: Markup


def plane_of(engine: Engine) -> Plane:
    """The first 400 known items by the two principal axes of their factors' directions, each axis by rank."""
    catalogue, factor = factors_of(engine)
    rows = np.flatnonzero(np.linalg.norm(factor, axis=1) > 0)[:MOST_POINTS]
    if len(rows) < 2 * DEGREE:
        raise NotFound("this release knows too few items", where="factors", fix="train it on more data")
    unit = factor[rows] / np.linalg.norm(factor[rows], axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    flat = (unit - unit.mean(axis=0)) @ axes[:2].T
    rank = np.argsort(np.argsort(flat, axis=0, kind="stable"), axis=0, kind="stable")
    points = (rank / (len(rows) - 1)).astype(np.float32)
    index = HnswIndex(Metric.L2, degree=DEGREE, build_breadth=BREADTH)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # or the graph would depend on the threads' timing
    try:
        index.build(points)
    finally:
        faiss.omp_set_num_threads(threads)
    graph = index.graph()
    above: Bool = np.diff(graph.starts) > graph.widths[1]
    at = tuple((ACROSS(float(a)), UP(float(b))) for a, b in points)
    ground = Markup().join(
        svg.circle(*place, 3.2 if more else 1.8, "point") for place, more in zip(at, above, strict=True)
    )
    return Plane(points, tuple(catalogue.titles[r] for r in rows), index, at, ground)


def query_of(number: int) -> Float32:
    """A point of the plane, the same for the same number."""
    return np.random.default_rng(number).uniform(0.1, 0.9, 2).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class StrollView:
    """A search up to one of its steps.

    Attributes:
        plane: where it happens.
        query: float32 ``(2,)``.
        walk: the whole search.
        shown: how many of its steps are shown.
        effort: candidates that it keeps.
        order: all points, nearest first.
    """

    plane: Plane
    query: Float32
    walk: Walk
    shown: int
    effort: int
    order: Int64

    @property
    def nearest(self) -> int:
        """The nearest point that the steps shown have found."""
        return self.walk.steps[self.shown - 1].nearest if self.shown else self.walk.entry

    @property
    def rank(self) -> int:
        """Its true place, from 1."""
        return int(np.flatnonzero(self.order == self.nearest)[0]) + 1

    def answer(self) -> str:
        """What the whole search compared, and whether it found the nearest."""
        found = "found it" if self.walk.found[0] == self.order[0] else "did not find it"
        return (
            f"The whole search worked out {self.walk.comparisons} distances to find the nearest of "
            f"{len(self.plane.points)}, in {len(self.walk.steps)} steps, keeping {self.effort} candidates; it {found}."
        )

    def right_guess(self) -> str:
        """The nearest option, on a log scale."""
        return min(GUESSES, key=lambda option: abs(np.log(int(option) / self.walk.comparisons)))

    def html(self) -> Markup:
        """The plane, the walk and the figures so far."""
        steps = self.walk.steps[: self.shown]
        compared = 1 + sum(len(step.compared) for step in steps)
        layer = steps[-1].layer if steps else self.plane.index.graph().top
        return Markup().join(
            [
                figures(
                    Figure("step", str(self.shown), f"of {len(self.walk.steps)}, in layer {layer}", "step"),
                    Figure("distances so far", str(compared), f"of {len(self.plane.points)}", "compared"),
                    Figure("best so far", str(self.rank), "by true nearness", "rank"),
                    Figure("the whole search", str(self.walk.comparisons), "distances", "comparisons"),
                ),
                side_by_side(self._drawing(compared), self._log()),
            ]
        )

    def _log(self) -> Markup:
        """The last steps in words, latest first, and what the marks mean."""
        first = max(self.shown - SAID, 0)
        said = Markup().join(
            Markup('<tr><th scope="row">{}</th><td>{}</td><td class="num">{}</td><td class="num">{}</td></tr>').format(
                first + n + 1, self.plane.titles[step.place], step.layer, len(step.compared)
            )
            for n, step in reversed(list(enumerate(self.walk.steps[first : self.shown])))
        )
        return Markup(
            '<div><p class="small muted">Cross: the query. Ring: its nearest, {}. Large dots: looked at from there, in '
            "the order of the line. Small coloured dots: compared. Larger grey dots: also in a layer above.</p>"
            "<p>Best so far: {}.</p><table><caption>The last steps</caption><thead><tr>"
            '<th scope="col">Step</th><th scope="col">Looks around</th><th scope="col" class="num">Layer</th>'
            '<th scope="col" class="num">Compares</th></tr></thead><tbody>{}</tbody></table></div>'
        ).format(self.plane.titles[int(self.order[0])], self.plane.titles[self.nearest], said)

    def _drawing(self, compared: int) -> Markup:
        at, steps = self.plane.at, self.walk.steps[: self.shown]
        parts = [self.plane.ground]
        for step in steps:
            parts += [svg.line(*at[step.place], *at[p], "edge") for p in step.neighbours]
        met = {self.walk.entry, *(p for step in steps for p in step.compared)}
        parts += [svg.circle(*at[p], 3.5, "dot three") for p in sorted(met)]
        trail = [self.walk.entry, *(step.place for step in steps)]
        parts.append(svg.polyline([at[p] for p in trail], "line one"))
        parts += [svg.circle(*at[p], 4.5, "dot one") for p in trail]
        parts.append(svg.circle(*at[int(self.order[0])], 9, "ring"))
        qx, qy = ACROSS(float(self.query[0])), UP(float(self.query[1]))
        parts += [svg.line(qx - 7, qy, qx + 7, qy, "cross"), svg.line(qx, qy - 7, qx, qy + 7, "cross")]
        label = (
            f"{len(self.plane.points)} items in the plane; the search has left {len(steps)} of them and worked out "
            f"{compared} distances"
        )
        return svg.drawing(parts, width=SIDE, height=SIDE, label=label, css="chart plane")


_once = OncePerEngine(plane_of)


@widget(
    "stroll",
    title="A walk through the graph",
    controls=(
        Slider("step", "Steps shown", 0, MOST_STEPS, 1, 3, (0, 1, 2, 3, 5, 8, 12, 20, 40)),
        Slider("effort", "Candidates that the search keeps (ef)", 1, 32, 1, 4, (1, 2, 4, 16)),
        Slider("query", "Query", 1, 20, 1, 1, (1, 12, 19)),
    ),
    guess=Guess(
        "Before you look: to find the nearest of 400 points on such a graph, how many distances must be worked out?",
        GUESSES,
    ),
)
def stroll(engine: Engine, state: State) -> StrollView:
    """Replay the search on the graph that the index built."""
    plane, query = _once(engine), query_of(state["query"])
    whole = walk(plane.index, plane.points, query, effort=state["effort"])
    shown = min(state["step"], len(whole.steps))
    return StrollView(plane, query, whole, shown, state["effort"], true_order(plane.points, query))
