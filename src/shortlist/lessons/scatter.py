"""Points over a logarithmic axis: what costs what and gives what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shortlist.pages import svg

__all__ = ["Points", "scatter"]

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 14.0, 48.0, 38.0


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one kind; ``css`` is "one", "two", "three" or "faint". They are joined in their order."""

    name: str
    css: str
    points: tuple[tuple[float, float], ...]


def scatter(
    title: str, along: str, groups: Sequence[Points], *, level: float, marked: tuple[float, float] | None
) -> Markup:
    """Shares over a cost on a log axis, a line at ``level``, and a ring around the ``marked`` point."""
    xs = [x for group in groups for x, _ in group.points]
    ys = [y for group in groups for _, y in group.points]
    low, high = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    x = svg.Scale((low, max(high, low + 1)), (LEFT, WIDTH - RIGHT))
    y = svg.Scale((min(0.5, *ys), 1.0), (HEIGHT - BOTTOM, TOP))
    parts = [svg.text(0, 12, title, "strong")]
    at = 0.0
    for group in groups:
        parts += [svg.circle(at + 5, 29, 4.5, f"dot {group.css}"), svg.text(at + 14, 33, group.name)]
        at += 26 + 6.6 * len(group.name)
    for share in (y.domain[0], (y.domain[0] + 1) / 2, 1.0):
        parts.append(svg.line(LEFT, y(share), WIDTH - RIGHT, y(share), "axis"))
        parts.append(svg.text(LEFT - 8, y(share) + 4, f"{share:.0%}", anchor="end"))
    for power in range(low, max(high, low + 1) + 1):
        parts.append(svg.text(x(power), HEIGHT - BOTTOM + 18, f"{10.0**power:g}", anchor="middle"))
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT - 3, along, anchor="end"))
    parts.append(svg.line(LEFT, y(level), WIDTH - RIGHT, y(level), "now"))
    for group in groups:
        places = [(x(math.log10(a)), y(b)) for a, b in group.points]
        parts.append(svg.polyline(places, f"line {group.css}"))
        parts += [svg.circle(a, b, 4, f"dot {group.css}") for a, b in places]
    if marked is not None:
        parts.append(svg.circle(x(math.log10(marked[0])), y(marked[1]), 9, "ring"))
    words = "; ".join(f"{group.name}: up to {max(b for _, b in group.points):.1%}" for group in groups if group.points)
    return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=f"{title}. {words}")
