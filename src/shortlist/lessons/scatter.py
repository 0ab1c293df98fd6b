"""Lines of points over a logarithmic axis: what costs what and gives what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shortlist.pages import svg

__all__ = ["Points", "scatter"]

WIDTH, HEIGHT = 380.0, 290.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 68.0, 38.0


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one kind, joined in their order; ``css`` is "one" to "five" or "faint"."""

    name: str
    css: str
    points: tuple[tuple[float, float], ...]


def scatter(
    title: str, along: str, groups: Sequence[Points], *, level: float, marked: tuple[float, float] | None
) -> Markup:
    """Shares over a cost on a log axis, a line at ``level``, and a ring around the ``marked`` point.

    Args:
        title: of the drawing.
        along: what the cost is, with its unit.
        groups: at least one point in all; costs above zero.
        level: the share that is wanted.
        marked: a cost and a share.
    """
    costs = [cost for group in groups for cost, _ in group.points]
    low, high = math.log10(min(costs)), math.log10(max(costs))
    room = max(0.04 * (high - low), 0.05)
    x = svg.Scale((low - room, high + room), (LEFT, WIDTH - RIGHT))
    y = svg.Scale((0.0, 1.0), (HEIGHT - BOTTOM, TOP))
    parts = [svg.text(0, 12, title, "strong"), *_legend(groups)]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(svg.line(LEFT, y(share), WIDTH - RIGHT, y(share), "axis"))
        parts.append(svg.text(LEFT - 8, y(share) + 4, f"{share:.0%}", anchor="end"))
    parts += [
        svg.text(x(math.log10(cost)), HEIGHT - BOTTOM + 18, f"{cost:,g}", anchor="middle") for cost in _ticks(*x.domain)
    ]
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT - 3, along, anchor="end"))
    parts.append(svg.line(LEFT, y(level), WIDTH - RIGHT, y(level), "now"))
    for group in groups:
        places = [(x(math.log10(cost)), y(share)) for cost, share in group.points]
        parts.append(svg.polyline(places, f"line {group.css}"))
        parts += [svg.circle(*place, 3.5, f"dot {group.css}") for place in places]
    if marked is not None:
        parts.append(svg.circle(x(math.log10(marked[0])), y(marked[1]), 8, "ring"))
    words = "; ".join(f"{group.name}: {_ends(group)}" for group in groups if group.points)
    return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=f"{title} over {along}. {words}")


def _legend(groups: Sequence[Points]) -> Iterator[Markup]:
    """Names in rows that do not run over the edge."""
    at, row = 0.0, 28.0
    for group in groups:
        wide = 28 + 6.6 * len(group.name)
        if at + wide > WIDTH:
            at, row = 0.0, row + 18
        yield svg.circle(at + 5, row, 4.5, f"dot {group.css}")
        yield svg.text(at + 14, row + 4, group.name)
        at += wide


def _ticks(low: float, high: float) -> list[float]:
    """Costs at 1, 2 and 5 of each power of ten within a range of logarithms; 1 alone where there are many."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    steps = (1, 2, 5) if high - low < 2 else (1,)
    return [step * 10.0**power for power in powers for step in steps if low <= math.log10(step) + power <= high]


def _ends(group: Points) -> str:
    (least, first), (most, last) = group.points[0], group.points[-1]
    return f"{first:.1%} at {least:,.3g}, {last:.1%} at {most:,.3g}"
