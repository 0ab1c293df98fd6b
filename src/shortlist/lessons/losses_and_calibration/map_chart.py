"""A calibrator's map beside the true one: what the model says along the bottom, what it is made into upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from shortlist.pages import svg

__all__ = ["map_chart"]

WIDTH, HEIGHT = 380.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 44.0, 34.0
TICKS = (0.00001, 0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def map_chart(title: str, said: Sequence[float], true: Sequence[float], made: Sequence[float]) -> Markup:
    """Both axes in log odds, so that a slope is a slope and a shift a shift.

    Args:
        title: of the drawing.
        said: rising probabilities of the model.
        true: what is true where it says so.
        made: what a calibrator makes of them.
    """
    heights = [_logit(p) for p in (*true, *made)]
    x = svg.Scale((_logit(said[0]), _logit(said[-1])), (LEFT, WIDTH - RIGHT))
    y = svg.Scale((max(min(heights), -9.0), min(max(heights), 9.0)), (HEIGHT - BOTTOM, TOP + 6))
    parts = [svg.text(0, 12, title, "strong")]
    for at, css, name in ((0.0, "faint", "true"), (70.0, "one", "what the calibrator makes of it")):
        parts += [svg.line(at, 28, at + 14, 28, f"line {css}"), svg.text(at + 19, 32, name)]
    for tick in TICKS:
        place = _logit(tick)
        if x.domain[0] <= place <= x.domain[1]:
            parts.append(svg.text(x(place), HEIGHT - BOTTOM + 18, _word(tick), anchor="middle"))
        if y.domain[0] <= place <= y.domain[1]:
            parts.append(svg.line(LEFT, y(place), WIDTH - RIGHT, y(place), "axis"))
            parts.append(svg.text(LEFT - 6, y(place) + 4, _word(tick), anchor="end"))
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT - 2, "what the model says", anchor="end"))
    for css, line in (("faint", true), ("one", made)):
        inside = [min(max(_logit(p), y.domain[0]), y.domain[1]) for p in line]
        places = [(x(_logit(a)), y(b)) for a, b in zip(said, inside, strict=True)]
        parts.append(svg.polyline(places, f"line {css}"))
    ends = "; ".join(
        f"where the model says {said[n]:.3f}, {true[n]:.3f} is true and {made[n]:.3f} is made of it" for n in (0, -1)
    )
    return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=f"{title}. {ends}")


def _word(p: float) -> str:
    return f"{p:.5f}".rstrip("0")


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))
