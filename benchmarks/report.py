"""The one contract of all benchmarks: rows with a unit and, where there is one, an interval."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from shortlist.core.arrays import Float64

__all__ = ["Report", "Row", "machine", "median_row", "print_table", "quantile_interval"]


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure.

    Attributes:
        who: "shortlist", or the peer's name.
        what: what was measured.
        low: lower limit of the 95% interval, where there is one.
        high: its upper limit.
    """

    who: str
    what: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None


class Report(msgspec.Struct, frozen=True):
    """What ``--json`` prints as its last line."""

    name: str
    rows: Sequence[Row]
    machine: dict[str, str | int]
    seed: int


Benchmark = Callable[[bool, int], Sequence[Row]]
"""Every module here has ``run(quick, seed)`` of this type."""


def machine() -> dict[str, str | int]:
    """Where the figures come from; OPENBLAS_CORETYPE is named because it can slow NumPy down."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count() or 0,
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", ""),
    }


def quantile_interval(sample: Float64, q: float) -> tuple[float, float, float]:
    """A quantile and its 95% interval from order statistics (binomial, no assumption on the distribution).

    David & Nagaraja, Order Statistics, section 7.1.

    Args:
        sample: ``(n,)`` independent measurements.
        q: in (0, 1).
    """
    ordered = np.sort(np.asarray(sample, dtype=np.float64))
    n = len(ordered)
    spread = 1.959964 * (n * q * (1.0 - q)) ** 0.5
    low, high = max(int(np.floor(n * q - spread)), 0), min(int(np.ceil(n * q + spread)), n - 1)
    return float(np.quantile(ordered, q)), float(ordered[low]), float(ordered[high])


def median_row(who: str, what: str, sample_ms: Float64, q: float = 0.5) -> Row:
    """A row with a quantile of times in milliseconds."""
    value, low, high = quantile_interval(sample_ms, q)
    return Row(who, f"{what}, p{q * 100:g}", value, "ms", low, high)


def print_table(report: Report) -> None:
    """The table for people."""
    table = Table(title=f"benchmark {report.name}", caption=f"seed {report.seed}; {report.machine}")
    for name, justify in (
        ("who", "left"),
        ("what", "left"),
        ("value", "right"),
        ("95% interval", "right"),
        ("unit", "left"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for row in report.rows:
        interval = "" if row.low is None or row.high is None else f"{row.low:.4g} to {row.high:.4g}"
        table.add_row(row.who, row.what, f"{row.value:.4g}", interval, row.unit)
    Console(width=None if os.isatty(1) else 140).print(table)
