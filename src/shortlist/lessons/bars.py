"""Bars that lie on their side: one or two values a name, to the left of the line where they are below zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan

from markupsafe import Markup

from shortlist.pages import svg

__all__ = ["Bars", "bars"]

WIDTH = 380.0
LEFT, RIGHT, TOP = 128.0, 56.0, 44.0
THICK, GAP = 13.0, 12.0


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar a name; ``css`` is "one", "two", "three" or "faint"; a NaN among the ``values`` has no bar."""

    name: str
    css: str
    values: tuple[float, ...]


def _percent(value: float) -> str:
    return f"{value:z.1%}"


def bars(
    title: str,
    names: Sequence[str],
    groups: Sequence[Bars],
    *,
    form: Callable[[float], str] = _percent,
    left: float = LEFT,
) -> Markup:
    """Shares or other values beside each other, with their figures at their ends.

    Args:
        title: of the drawing.
        names: a line each.
        groups: a bar a name each, at least one group.
        form: a value in words; percent without it.
        left: room for the names.
    """
    shown = [value for group in groups for value in group.values if not isnan(value)]
    low, high = min(0.0, *shown, 0.0), max(0.01, *shown, 0.01)
    x = svg.Scale((low, high), (left + (44.0 if low < 0 else 0.0), WIDTH - RIGHT))
    line_height = len(groups) * THICK + GAP
    parts = [svg.text(0, 12, title, "strong")]
    at = 0.0
    for group in groups:
        parts += [svg.rect(at, 23, 12, 10, f"fill {group.css}", 2), svg.text(at + 17, 32, group.name)]
        at += 30 + 6.4 * len(group.name)
    for n, name in enumerate(names):
        top = TOP + n * line_height
        parts.append(svg.text(0, top + len(groups) * THICK / 2 + 4, name))
        for g, group in enumerate(groups):
            value = group.values[n]
            if isnan(value):
                continue
            start, end = sorted((x(0.0), x(value)))
            place = top + g * THICK
            parts.append(svg.rect(start, place + 1, end - start, THICK - 2, f"fill {group.css}", 2))
            words = form(value)
            parts.append(
                svg.text(start - 5, place + THICK - 2, words, anchor="end")
                if value < 0
                else svg.text(end + 5, place + THICK - 2, words)
            )
    height = TOP + len(names) * line_height
    parts.append(svg.line(x(0.0), TOP - 4, x(0.0), height - GAP + 4, "axis"))
    told = "; ".join(
        f"{name}: " + ", ".join(f"{g.name} {form(g.values[n])}" for g in groups if not isnan(g.values[n]))
        for n, name in enumerate(names)
    )
    return svg.drawing(parts, width=WIDTH, height=height, label=f"{title}. {told}")
