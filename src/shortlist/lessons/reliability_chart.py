"""The reliability diagram: what was predicted against what happened, a bin a point, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from shortlist.evaluation.reliability import ReliabilityBin
from shortlist.pages import svg

__all__ = ["reliability_chart"]

WIDTH, HEIGHT = 380.0, 290.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 46.0, 38.0
TICKS = tuple(step * 10.0**power for power in range(-6, 1) for step in (1, 3))


def reliability_chart(title: str, bins: Sequence[ReliabilityBin]) -> Markup:
    """Both axes logarithmic, for rare things; on the line what was predicted happened.

    Args:
        title: of the drawing.
        bins: at least one. A share of 0 is drawn at the lower edge.
    """
    shown = [value for b in bins for value in (b.predicted, b.observed, b.high) if value > 0.0]
    low, high = math.log10(min(shown)) - 0.05, math.log10(max(shown)) + 0.05
    x = svg.Scale((low, high), (LEFT, WIDTH - RIGHT))
    y = svg.Scale((low, high), (HEIGHT - BOTTOM, TOP))

    def log(value: float) -> float:
        return max(math.log10(value), low) if value > 0.0 else low

    parts = [svg.text(0, 12, title, "strong")]
    for at, css, name in ((0.0, "two", "holds what was predicted"), (190.0, "three", "does not")):
        parts += [svg.circle(at + 5, 28, 4.5, f"dot {css}"), svg.text(at + 14, 32, name)]
    for tick in (tick for tick in TICKS if low <= math.log10(tick) <= high):
        place = math.log10(tick)
        parts.append(svg.line(LEFT, y(place), WIDTH - RIGHT, y(place), "axis"))
        parts.append(svg.text(LEFT - 6, y(place) + 4, f"{tick:.3g}", anchor="end"))
        parts.append(svg.text(x(place), HEIGHT - BOTTOM + 18, f"{tick:.3g}", anchor="middle"))
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT - 3, "predicted; upwards: happened", anchor="end"))
    parts.append(svg.line(x(low), y(low), x(high), y(high), "now"))
    for b in bins:
        css, across = "two" if b.agrees else "three", x(log(b.predicted))
        parts.append(svg.line(across, y(log(b.low)), across, y(log(b.high)), f"line {css} solid"))
        parts.append(svg.circle(across, y(log(b.observed)), 4, f"dot {css}"))
    words = "; ".join(f"predicted {b.predicted:.3f}, happened {b.observed:.3f}" for b in (bins[0], bins[-1]))
    agree = sum(b.agrees for b in bins)
    label = f"{title}. Of {len(bins)} bins {agree} hold what was predicted. Lowest and highest bin: {words}"
    return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=label)
