"""Lines over powers of two, with heights on a straight or a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from shortlist.lessons.views import Series
from shortlist.pages import svg

__all__ = ["log_chart"]

WIDTH, HEIGHT = 380.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 44.0, 34.0


def log_chart(
    title: str,
    along: str,
    series: Sequence[Series],
    *,
    now: float,
    form: Callable[[float], str],
    log_y: bool = False,
    low: float = 0.0,
) -> Markup:
    """Lines whose x are positive, drawn on a scale where each doubling takes the same width.

    Args:
        title: what the heights are.
        along: what runs along the bottom.
        series: at least one, with points.
        now: where the slider stands.
        form: a height in words.
        log_y: whether each tenfold height takes the same height; zeros and less are left out.
        low: where a straight scale begins; a line is drawn at zero where it lies within.
    """
    kept = [Series(line.name, line.css, tuple((a, b) for a, b in line.points if b > 0 or not log_y)) for line in series]
    xs = sorted({a for line in kept for a, _ in line.points})
    ys = [b for line in kept for _, b in line.points]
    x = svg.Scale((math.log2(xs[0]), math.log2(xs[-1])), (LEFT, WIDTH - RIGHT))
    if log_y:
        least, high = math.log10(min(ys)), math.log10(max(ys))
        least, high = (least, high) if high > least else (least - 0.5, high + 0.5)
        ticks = [10 ** (least + share * (high - least)) for share in (0.0, 1 / 3, 2 / 3, 1.0)]
    else:
        least, high = low, max(*ys, low + 1e-9)
        ticks = [low, 0.0, high] if low < 0.0 < high else [low, (low + high) / 2, high]
    legend, rows = _legend(series)
    down = 18.0 * (rows - 1)
    bottom = HEIGHT - BOTTOM + down
    y = svg.Scale((least, high), (bottom, TOP + 8 + down))

    def place(a: float, b: float) -> tuple[float, float]:
        return x(math.log2(a)), y(math.log10(b) if log_y else b)

    parts = [svg.text(0, 12, title, "strong"), *legend]
    for height in ticks:
        level = place(xs[0], height)[1]
        parts.append(svg.line(LEFT, level, WIDTH - RIGHT, level, "axis"))
        parts.append(svg.text(LEFT - 6, level + 4, form(height), anchor="end"))
    every = 1 if len(xs) <= 6 else 2
    parts += [svg.text(x(math.log2(value)), bottom + 18, f"{value:,.0f}", anchor="middle") for value in xs[::every]]
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT + down - 2, along, anchor="end"))
    parts.append(svg.line(x(math.log2(now)), TOP + down, x(math.log2(now)), bottom, "now"))
    for line in kept:
        parts.append(svg.polyline([place(a, b) for a, b in line.points], f"line {line.css}"))
        parts += [svg.circle(*place(a, b), 5, f"dot {line.css}") for a, b in line.points if a == now]
    words = "; ".join(
        f"{line.name}: {form(line.points[0][1])} at {line.points[0][0]:g}, {form(line.points[-1][1])} at "
        f"{line.points[-1][0]:g}"
        for line in kept
        if line.points
    )
    return svg.drawing(parts, width=WIDTH, height=HEIGHT + down, label=f"{title} over {along}. {words}")


def _legend(series: Sequence[Series]) -> tuple[list[Markup], int]:
    """Names of the lines, in rows that do not run over the edge, and how many rows."""
    parts: list[Markup] = []
    at, row = 0.0, 0
    for line in series:
        wide = 30 + 6.4 * len(line.name)
        if at > 0.0 and at + wide > WIDTH:
            at, row = 0.0, row + 1
        parts += [svg.line(at, 28 + 18 * row, at + 14, 28 + 18 * row, f"line {line.css}")]
        parts += [svg.text(at + 19, 32 + 18 * row, line.name)]
        at += wide
    return parts, row + 1
