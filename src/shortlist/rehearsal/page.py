"""A rehearsal as one page that stands alone: no script, no other file, light and dark."""

from __future__ import annotations

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from shortlist.rehearsal.drawings import coverage_drawing, lift_drawing
from shortlist.rehearsal.report import RehearsalReport
from shortlist.rehearsal.scores import judged_rows
from shortlist.rehearsal.worlds import STOPPING, THIN, world_named

__all__ = ["report_page"]


def report_page(report: RehearsalReport, estimates: pl.DataFrame, experiments: pl.DataFrame) -> str:
    """HTML.

    Args:
        report: the figures.
        estimates: of ``offline.ESTIMATES``.
        experiments: of ``online.EXPERIMENTS``.
    """
    plan = report.plan
    worlds = [one.name for one in plan.worlds]
    drawn = [name for name in worlds if name != THIN.name]
    templates = Environment(
        loader=PackageLoader("shortlist.rehearsal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"figure": _figure, "percent": _percent}
    compared = (worlds[0], next((w.name for w in STOPPING if w.name in worlds), worlds[-1]))
    return templates.get_template("rehearsal.html").render(
        report=report,
        plan=plan,
        worlds=[(name, world_named(name).says, [s for s in report.scores if s.world == name]) for name in worlds],
        coverage=coverage_drawing(report.scores, drawn, plan.bounds.coverage),
        lifts=lift_drawing(judged_rows(estimates, experiments), compared, plan.gated),
    )


def _figure(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:+.{digits}%}"
