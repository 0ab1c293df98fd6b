"""Points with their intervals beside lines, over places: what was found where, and what is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from shortlist.lessons.views import Series
from shortlist.pages import svg

__all__ = ["Points", "interval_chart"]

WIDTH, HEIGHT = 380.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 14.0, 44.0, 34.0


@dataclass(frozen=True, slots=True)
class Points:
    """Estimates with both ends of their intervals: (place, low, estimate, high), drawn no higher than the axis."""

    name: str
    css: str
    points: tuple[tuple[float, float, float, float], ...]


def interval_chart(title: str, along: str, found: Points, lines: Sequence[Series], *, high: float) -> Markup:
    """The points of one estimate, and lines to compare it with.

    Args:
        title: what the heights are; they begin at 0.
        along: what runs along the bottom: whole numbers.
        found: estimates that are finite.
        lines: at least one; their places are the ticks.
        high: the upper end of the axis.
    """
    places = [a for a, _ in lines[0].points]
    x = svg.Scale((places[0] - 0.4, places[-1] + 0.4), (LEFT, WIDTH - RIGHT))
    y = svg.Scale((0.0, high), (HEIGHT - BOTTOM, TOP))
    parts = [svg.text(0, 12, title, "strong"), svg.circle(5, 28, 4.5, f"dot {found.css}")]
    parts.append(svg.text(14, 32, found.name))
    at = 28 + 6.6 * len(found.name)
    for line in lines:
        parts += [svg.line(at, 28, at + 14, 28, f"line {line.css}"), svg.text(at + 19, 32, line.name)]
        at += 30 + 6.4 * len(line.name)
    for share in (0.0, 0.5, 1.0):
        level = y(share * high)
        parts.append(svg.line(LEFT, level, WIDTH - RIGHT, level, "axis"))
        parts.append(svg.text(LEFT - 8, level + 4, f"{share * high:.2g}", anchor="end"))
    parts += [svg.text(x(place), HEIGHT - BOTTOM + 18, f"{place:.0f}", anchor="middle") for place in places]
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT - 2, along, anchor="end"))
    for line in lines:
        shown = [(x(a), y(min(b, high))) for a, b in line.points if isfinite(b)]
        parts.append(svg.polyline(shown, f"line {line.css}"))
    for place, low, estimate, top in found.points:
        ends = (y(min(max(each, 0.0), high)) for each in (low, top))
        parts.append(svg.line(x(place), next(ends), x(place), next(ends), f"line {found.css} solid"))
        if estimate <= high:
            parts.append(svg.circle(x(place), y(estimate), 4, f"dot {found.css}"))
    words = "; ".join(
        f"{line.name}: {line.points[0][1]:.2f} at {line.points[0][0]:g}, {line.points[-1][1]:.2f} at "
        f"{line.points[-1][0]:g}"
        for line in lines
    )
    if found.points:
        place, low, estimate, top = found.points[-1]
        words = f"{found.name}: {estimate:.2f} at {place:g}, between {low:.2f} and {top:.2f}; {words}"
    return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=f"{title} over {along}. {words}")
