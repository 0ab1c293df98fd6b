"""The frontier of recall and time as a picture that stands alone."""

from __future__ import annotations

from math import floor, log10

from markupsafe import Markup

from shortlist.pages.svg import Scale, circle, drawing, line, polyline, text
from shortlist.retrieval.index.tune import Setting, Tuned

__all__ = ["frontier_plot"]

_WIDTH, _HEIGHT = 760.0, 420.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 190.0, 40.0, 52.0
_STYLE = Markup(
    "<style>svg{font:13px system-ui,sans-serif;background:#fff}text{fill:#222}.axis{stroke:#999}.grid{stroke:#e6e6e6}"
    ".target{stroke:#222;stroke-dasharray:5 4}.frontier{fill:none;stroke:#222;stroke-width:1.5}"
    ".pick{fill:none;stroke:#222;stroke-width:2.5}.k0{fill:#4269d0}.k1{fill:#b8860b}.k2{fill:#d0392e}"
    ".k3{fill:#2a9d8f}.k4{fill:#7b4fb5}.k5{fill:#3a7d34}.k6{fill:#8a5a44}</style>"
)
_N_COLOURS = 7


def frontier_plot(tuned: Tuned) -> str:
    """An SVG image: a dot a setting, time on a log scale, the frontier as a line, a ring around the pick."""
    kinds = sorted({s.index.kind for s in tuned.settings})
    shown = [*tuned.settings, tuned.pick]
    times = [max(s.p50_ms, 1e-4) for s in shown]
    low, high = log10(min(times)) - 0.05, log10(max(times)) + 0.05
    bottom = min(tuned.target, *(s.recall for s in shown)) - 0.02
    across = Scale((low, high), (_LEFT, _WIDTH - _RIGHT))
    up = Scale((max(bottom, 0.0), 1.0), (_HEIGHT - _BOTTOM, _TOP))

    def place(setting: Setting) -> tuple[float, float]:
        return across(log10(max(setting.p50_ms, 1e-4))), up(setting.recall)

    parts = [_STYLE]
    parts += _axes(across, up, low, high)
    parts.append(line(_LEFT, up(tuned.target), _WIDTH - _RIGHT, up(tuned.target), "target"))
    parts.append(polyline([place(s) for s in tuned.frontier], "frontier"))
    parts += [circle(*place(s), 4, f"k{kinds.index(s.index.kind) % _N_COLOURS}") for s in tuned.settings]
    parts.append(circle(*place(tuned.pick), 8, "pick"))
    parts.append(text(_LEFT, 22, f"Recall@{tuned.k} and median time of a query; the ring is the pick"))
    for n, kind in enumerate(kinds):
        y = _TOP + 10 + 22 * n
        parts.append(circle(_WIDTH - _RIGHT + 24, y - 4, 5, f"k{n % _N_COLOURS}"))
        parts.append(text(_WIDTH - _RIGHT + 36, y, kind))
    parts.append(text(_WIDTH - _RIGHT + 16, _TOP + 16 + 22 * len(kinds), f"- - target {tuned.target:g}"))
    label = f"Recall at {tuned.k} against median milliseconds; picked: {tuned.pick.name}, effort {tuned.pick.effort}"
    image = drawing(parts, width=_WIDTH, height=_HEIGHT, label=label)
    return str(image).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _axes(across: Scale, up: Scale, low: float, high: float) -> list[Markup]:
    parts = []
    for power in range(floor(low), floor(high) + 1):
        for value in (10.0**power, 3 * 10.0**power):
            if low <= log10(value) <= high:
                x = across(log10(value))
                parts += [
                    line(x, _TOP, x, _HEIGHT - _BOTTOM, "grid"),
                    text(x, _HEIGHT - _BOTTOM + 18, f"{value:g}", anchor="middle"),
                ]
    start, end = up.domain
    for n in range(6):
        value = start + (end - start) * n / 5
        parts += [
            line(_LEFT, up(value), _WIDTH - _RIGHT, up(value), "grid"),
            text(_LEFT - 8, up(value) + 4, f"{value:.2f}", anchor="end"),
        ]
    parts.append(line(_LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, "axis"))
    parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, "p50, ms a query, one thread", anchor="middle"))
    return parts
