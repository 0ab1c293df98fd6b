"""The two pictures of a rehearsal: who covers the truth in which world, and estimated beside true lifts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from markupsafe import Markup

from shortlist.pages.svg import Scale, circle, drawing, line, rect, text
from shortlist.rehearsal.scores import MethodScore

__all__ = ["coverage_drawing", "lift_drawing"]

_ROW, _LEFT, _WIDTH = 34.0, 190.0, 760.0
_SIDE, _GAP = 330.0, 70.0
_REACH = 0.15
_MOST_DOTS = 700


def coverage_drawing(scores: Sequence[MethodScore], worlds: Sequence[str], band: tuple[float, float]) -> Markup:
    """A row a method, a dot a world with its 99% interval; the band is where an honest 95% interval lies.

    Args:
        scores: of all methods.
        worlds: at most four, in the order of their colours.
        band: of the gate.
    """
    of = {(one.method, one.world): one.coverage for one in scores if one.coverage is not None}
    methods = list(dict.fromkeys(one.method for one in scores if (one.method, worlds[0]) in of))
    across = Scale((0.0, 1.0), (_LEFT, _WIDTH - 20.0))
    top, height = 46.0, 46.0 + _ROW * len(methods) + 34.0
    bottom = height - 34.0
    parts = [rect(across(band[0]), top, across(band[1]) - across(band[0]), bottom - top, "band")]
    for tick in (0.0, 0.25, 0.5, 0.75, 0.95):
        parts += [
            line(across(tick), top, across(tick), bottom, "grid"),
            text(across(tick), bottom + 20, f"{tick:.0%}", anchor="middle"),
        ]
    for n, world in enumerate(worlds):
        x = _LEFT + 140.0 * n
        parts += [circle(x + 4, 18, 5, f"w{n}"), text(x + 15, 22, world)]
    for row, method in enumerate(methods):
        y = top + _ROW * (row + 0.5)
        parts.append(text(_LEFT - 12, y + 4, method, anchor="end"))
        for n, world in enumerate(worlds):
            seen = of.get((method, world))
            if seen is not None:
                at = y + 6.0 * (n - (len(worlds) - 1) / 2)
                parts.append(line(across(max(seen.low, 0.0)), at, across(min(seen.high, 1.0)), at, f"whisker w{n}"))
                parts.append(circle(across(seen.value), at, 4, f"w{n}"))
    label = "Share of 95% intervals that hold the true lift, by method and simulated world; the table has the figures"
    return drawing(parts, width=_WIDTH, height=height, label=label)


def lift_drawing(rows: pl.DataFrame, worlds: Sequence[str], method: str) -> Markup:
    """A panel a world: a dot a challenger and log, where lifts are within 15%.

    Args:
        rows: of ``scores.judged_rows``.
        worlds: two.
        method: whose estimates.
    """
    parts = []
    for n, world in enumerate(worlds):
        left = 60.0 + n * (_SIDE + _GAP)
        across, up = Scale((-_REACH, _REACH), (left, left + _SIDE)), Scale((-_REACH, _REACH), (_SIDE + 40.0, 40.0))
        parts.append(text(left + _SIDE / 2, 22, f"{method} in the {world} world", anchor="middle"))
        for tick in (-0.1, 0.0, 0.1):
            parts += [
                line(across(tick), 40, across(tick), _SIDE + 40, "grid"),
                line(left, up(tick), left + _SIDE, up(tick), "grid"),
                text(across(tick), _SIDE + 58, f"{tick:+.0%}" if tick else "0", anchor="middle"),
                text(left - 8, up(tick) + 4, f"{tick:+.0%}" if tick else "0", anchor="end"),
            ]
        parts.append(line(left, _SIDE + 40, left + _SIDE, 40, "target"))
        parts.append(text(left + _SIDE / 2, _SIDE + 80, "true lift", anchor="middle"))
        parts.append(text(left + 6, 54, "estimated lift"))
        own = rows.filter(
            pl.col("world") == world,
            pl.col("method") == method,
            pl.col("lift").abs() < _REACH,
            pl.col("true_lift").abs() < _REACH,
        ).head(_MOST_DOTS)
        for lift, true in own.select("lift", "true_lift").iter_rows():
            parts.append(circle(across(true), up(lift), 2.2, f"w{2 * n} dot"))
    width = 60.0 + 2 * _SIDE + _GAP + 20.0
    label = f"Estimated against true lifts by {method} in two simulated worlds: on the diagonal, and off it"
    return drawing(parts, width=width, height=_SIDE + 96.0, label=label)
