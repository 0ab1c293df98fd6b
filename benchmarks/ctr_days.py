"""``ctr`` again on one judged day after another: is the blend's lead, or a peer's, a matter of two days?

Each of 1 to 4 May is judged by systems that learned from 25 April to two days before it, and that were chosen, stopped,
weighed and calibrated on the day before it, with histories frozen at the end of that day. Features, peers and
calibrator are those of ``ctr``; a peer keeps the setting that the first day before a judged one likes best. One
training a day. Calibration errors have bins of their own each day, so that a day that is too high and one that is too
low do not look right together; users are drawn with all of their days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import expit

from benchmarks.clicks.judged import Fit, Judged
from benchmarks.clicks.ours import fitted_blend
from benchmarks.clicks.peers import PEERS, best_of
from benchmarks.clicks.split import Split
from benchmarks.clicks.targets import rows_of_targets
from benchmarks.report import Row
from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.datasets.kuairand_impressions import midnight_us
from shortlist.evaluation.bootstrap import Interval, paired_interval
from shortlist.evaluation.calibration import debiased_calibration_interval, paired_calibration_interval
from shortlist.evaluation.metrics.log_loss import log_losses
from shortlist.evaluation.paired_auc import paired_auc_interval
from shortlist.training.fit_blend import BlendRecipe

__all__ = ["run"]

FIRST, LAST = 1, 4
"""Days of May that are judged; before the first, five days were learned from and one was chosen on."""

BLEND = "blend"


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Each day's level, the calibration error of all days, and the blend less each peer."""
    return rows_of_targets(_of_target, quick, seed)


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """What was said of a judged day.

    Attributes:
        label: bool ``(N,)``.
        user: int64 ``(N,)``.
        said: float64 ``(N,)`` of each system, as it says it.
        calibrated: after Platt's two numbers.
    """

    label: Bool
    user: Int64
    said: dict[str, Float64]
    calibrated: dict[str, Float64]


def _of_target(target: str, quick: bool, seed: int) -> list[Row]:
    torch.set_num_threads(1)
    chosen: dict[str, Fit] = {}
    days: dict[int, Day] = {}
    for day in range(FIRST, FIRST + 2 if quick else LAST + 1):
        split = Split.of(target, (_midnight(day - 1), _midnight(day), _midnight(day + 1)), every=10 if quick else 1)
        judged: dict[str, Judged] = {BLEND: fitted_blend(split, BlendRecipe(), seed)[0]}
        for name, fits in PEERS.items():
            if day == FIRST:
                chosen[name], judged[name] = best_of(fits, split, seed)
            else:
                judged[name] = chosen[name](split, seed)
        said = {name: expit(one.test) for name, one in judged.items()}
        calibrated = {name: one.calibrated(split.later) for name, one in judged.items()}
        days[day] = Day(split.test.label, split.test.user, said, calibrated)
    return _levels(target, days) + _together(target, days)


def _midnight(day: int) -> int:
    """Of a day of May, 0 the last of April."""
    return midnight_us(5, day) if day else midnight_us(4, 30)


def _levels(target: str, days: dict[int, Day]) -> list[Row]:
    rows = []
    for number, day in days.items():
        for name, p in day.calibrated.items():
            ratio = float(p.mean() / day.label.mean())
            rows.append(
                Row(_who(name), f"{target}, {name}, {number} May: predicted over observed, after Platt", ratio, "")
            )
    return rows


def _together(target: str, days: dict[int, Day]) -> list[Row]:
    """All days as one."""
    label, user = (np.concatenate([getattr(day, part) for day in days.values()]) for part in ("label", "user"))
    within = np.repeat(list(days), [len(day.label) for day in days.values()])
    said, calibrated = (
        {name: np.concatenate([getattr(day, part)[name] for day in days.values()]) for name in (BLEND, *PEERS)}
        for part in ("said", "calibrated")
    )
    rows = []

    def add(who: str, what: str, found: Interval) -> None:
        rows.append(Row(who, f"{target}, {what}, {len(days)} days", found.estimate, "", found.low, found.high))

    for name, p in calibrated.items():
        error = debiased_calibration_interval(p, label, user, within=within, rng=0)
        add(_who(name), f"{name}: calibration error, debiased, after Platt", error)
    for name in PEERS:
        a, b = (log_losses(said[one], label) for one in (BLEND, name))
        add("shortlist", f"blend less {name}: AUC", paired_auc_interval(said[BLEND], said[name], label, user, rng=0))
        add("shortlist", f"blend less {name}: log-loss", paired_interval(a, b, user, rng=0))
        a, b = (log_losses(calibrated[one], label) for one in (BLEND, name))
        add("shortlist", f"blend less {name}: log-loss, both after Platt", paired_interval(a, b, user, rng=0))
        one, other = calibrated[BLEND], calibrated[name]
        error = paired_calibration_interval(one, other, label, user, within=within, rng=0)
        add("shortlist", f"blend less {name}: calibration error", error)
    return rows


def _who(name: str) -> str:
    return "shortlist" if name == BLEND else name
