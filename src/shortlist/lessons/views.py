"""The pieces that widgets' views are made of: figures, line charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shortlist.pages import svg

__all__ = ["Figure", "Panel", "Series", "chart", "figures", "side_by_side", "table"]

WIDTH, HEIGHT = 380.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 44.0, 34.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its name; ``key`` lets a test find it on the page."""

    name: str
    value: str
    unit: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """The axes of a chart.

    Attributes:
        title: of the chart.
        along: what runs along the bottom.
        x: range along the bottom.
        y: range upwards.
        ticks: places along the bottom with their words; without them, five numbers evenly spread.
    """

    title: str
    along: str
    x: tuple[float, float]
    y: tuple[float, float]
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points; ``css`` is "one", "two", "three", "four" or, behind these, "faint"."""

    name: str
    css: str
    points: tuple[tuple[float, float], ...]


def figures(*shown: Figure) -> Markup:
    """Numbers in a row."""
    cells = Markup().join(
        Markup('<div><dt>{}</dt><dd><span data-figure="{}">{}</span> <small>{}</small></dd></div>').format(
            figure.name, figure.key or figure.name, figure.value, figure.unit
        )
        for figure in shown
    )
    return Markup('<dl class="figures">{}</dl>').format(cells)


def side_by_side(*drawings: Markup) -> Markup:
    """Drawings beside each other where there is room."""
    return Markup('<div class="charts">{}</div>').format(Markup().join(drawings))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table of figures behind a summary; the first column names the row."""
    top = Markup().join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="num"') if n else "", name)
        for n, name in enumerate(head)
    )
    body = Markup().join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], Markup().join(Markup('<td class="num">{}</td>').format(cell) for cell in row[1:])
        )
        for row in rows
    )
    return Markup(
        '<details><summary>{}</summary><div class="scroll" tabindex="0" role="group" aria-label="{}">'
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>"
    ).format(caption, caption, top, body)


def chart(
    panel: Panel,
    series: Sequence[Series],
    *,
    now: float,
    percent: bool = False,
    behind: tuple[str, Sequence[Series]] = ("", ()),
) -> Markup:
    """Lines over one axis, with a mark at ``now`` and a dot on every line there.

    Args:
        panel: the axes.
        series: at least one.
        now: where the slider stands.
        percent: whether heights are shares.
        behind: a name for faint lines to compare with, and these lines; they carry no dots.
    """
    x = svg.Scale(panel.x, (LEFT, WIDTH - RIGHT))
    y = svg.Scale((panel.y[0], panel.y[1] * 1.08), (HEIGHT - BOTTOM, TOP))
    parts = [svg.text(0, 12, panel.title, "strong")]
    at = 0.0
    legend = [*((line.name, line.css) for line in series), *([(behind[0], behind[1][0].css)] if behind[1] else [])]
    for name, css in legend:
        parts += [svg.line(at, 28, at + 14, 28, f"line {css}"), svg.text(at + 19, 32, name)]
        at += 30 + 6.4 * len(name)
    for share in (0.0, 0.5, 1.0):
        height = panel.y[0] + share * (panel.y[1] - panel.y[0])
        label = f"{height:.0%}" if percent else f"{height:.2g}"
        parts += [svg.line(LEFT, y(height), WIDTH - RIGHT, y(height), "axis")]
        parts += [svg.text(LEFT - 8, y(height) + 4, label, anchor="end")]
    even = (panel.x[0] + share * (panel.x[1] - panel.x[0]) for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    for place, word in panel.ticks or tuple((place, f"{place:.0f}") for place in even):
        parts.append(svg.text(x(place), HEIGHT - BOTTOM + 18, word, anchor="middle"))
    parts.append(svg.text(WIDTH - RIGHT, HEIGHT - 2, panel.along, anchor="end"))
    parts.append(svg.line(x(now), TOP, x(now), HEIGHT - BOTTOM, "now"))
    lines = [*behind[1], *series]
    parts += [svg.polyline([(x(a), y(b)) for a, b in line.points], f"line {line.css}") for line in lines]
    parts += [svg.circle(x(a), y(b), 5, f"dot {line.css}") for line in series for a, b in line.points if a == now]
    at_tick = dict(panel.ticks)
    words = "; ".join(f"{line.name}: {_ends(line, at_tick, percent=percent)}" for line in (*series, *behind[1]))
    return svg.drawing(parts, width=WIDTH, height=HEIGHT, label=f"{panel.title} over {panel.along}. {words}")


def _ends(line: Series, at_tick: Mapping[float, str], *, percent: bool) -> str:
    """The ends of a line in words."""
    if not line.points:
        return "nothing measured"
    (x0, y0), (x1, y1) = line.points[0], line.points[-1]
    form = ".1%" if percent else ".2f"
    return f"{y0:{form}} at {at_tick.get(x0, f'{x0:g}')}, {y1:{form}} at {at_tick.get(x1, f'{x1:g}')}"
