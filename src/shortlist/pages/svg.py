"""Drawings in SVG, made of classes whose colours the style sheet gives: light and dark come out of one drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Scale", "bar", "circle", "drawing", "line", "polygon", "polyline", "rect", "text"]


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to places.

    Example:
        >>> Scale((0, 10), (100, 200))(5)
        150.0
    """

    domain: tuple[float, float]
    reach: tuple[float, float]

    def __call__(self, value: float) -> float:
        """The place of a value, to a hundredth."""
        low, high = self.domain
        start, end = self.reach
        share = (value - low) / (high - low) if high != low else 0.0
        return round(start + share * (end - start), 2)


def drawing(parts: Iterable[Markup], *, width: float, height: float, label: str, css: str = "chart") -> Markup:
    """An SVG image with a text for those who do not see it."""
    body = Markup().join(parts)
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        css, _n(width), _n(height), label, body
    )


def bar(parts: Iterable[Markup], *, css: str = "", height: float = 10) -> Markup:
    """A drawing that stretches to its box, 100 wide; the words beside it say the same, so it stays silent."""
    body = Markup().join(parts)
    return Markup('<svg class="{}" viewBox="0 0 100 {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(
        css, _n(height), body
    )


def rect(x: float, y: float, width: float, height: float, css: str, radius: float = 0) -> Markup:
    """A rectangle; a width below zero is drawn as zero."""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="{}" class="{}"/>').format(
        _n(x), _n(y), _n(max(width, 0.0)), _n(height), _n(radius), css
    )


def polygon(points: Sequence[tuple[float, float]], css: str) -> Markup:
    """A closed, filled outline."""
    return Markup('<polygon points="{}" class="{}"/>').format(_points(points), css)


def polyline(points: Sequence[tuple[float, float]], css: str) -> Markup:
    """An open line through points."""
    return Markup('<polyline points="{}" class="{}"/>').format(_points(points), css)


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(_n(x1), _n(y1), _n(x2), _n(y2), css)


def circle(x: float, y: float, radius: float, css: str) -> Markup:
    """A dot."""
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}"/>').format(_n(x), _n(y), _n(radius), css)


def text(x: float, y: float, words: object, css: str = "", anchor: str = "start") -> Markup:
    """A word or a figure."""
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(_n(x), _n(y), anchor, css, words)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
