"""What a system said of the rows that are chosen on and judged, and the figures of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from benchmarks.clicks.split import Split, Window
from benchmarks.report import Row
from shortlist.core.arrays import Array, Float64
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval, ratio_interval
from shortlist.evaluation.calibration import debiased_calibration_interval, paired_calibration_interval
from shortlist.evaluation.metrics.auc import auc, grouped_auc
from shortlist.evaluation.metrics.log_loss import log_losses
from shortlist.evaluation.paired_auc import paired_auc_interval
from shortlist.learning.calibration.platt import PlattCalibrator

__all__ = ["Fit", "Judged", "differences", "figures", "loss_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a system said of the later and of the test rows, as log odds.

    Attributes:
        rows_a_second: in training, all passes counted.
    """

    later: Float64
    test: Float64
    rows_a_second: float

    @classmethod
    def of(cls, split: Split, logits: Callable[[Window], Array], rows_a_second: float) -> Judged:
        """By asking it."""
        later, test = (np.asarray(logits(part), dtype=np.float64) for part in (split.later, split.test))
        return cls(later, test, rows_a_second)

    def calibrated(self, later: Window) -> Float64:
        """Probabilities of the test rows after Platt's two numbers, which the later rows tell."""
        return PlattCalibrator.fit(expit(self.later), later.label).calibrate(expit(self.test))


Fit = Callable[[Split, int], Judged]
"""A system trained on a split, with a seed."""


def loss_of(logit: Float64, window: Window) -> float:
    """Mean log-loss."""
    return float(np.mean(log_losses(expit(logit), window.label)))


def figures(who: str, what: str, judged: Judged, split: Split) -> list[Row]:
    """AUC, log-loss, calibration, AUC within users and speed of one training."""
    label, user, p = split.test.label, split.test.user, expit(judged.test)
    order = np.argsort(user, kind="stable")
    _, first, n = np.unique(user[order], return_index=True, return_counts=True)
    within = grouped_auc(p[order], label[order], np.append(first, len(order)))
    held = ~np.isnan(within)
    loss = clustered_interval(log_losses(p, label), user, rng=0)
    calibrated = judged.calibrated(split.later)
    error = debiased_calibration_interval(calibrated, label, user, rng=0)
    ratio = ratio_interval(calibrated, label, user, rng=0)
    return [
        Row(who, f"{what}: AUC", auc(p, label), ""),
        Row(who, f"{what}: log-loss", loss.estimate, "", loss.low, loss.high),
        Row(who, f"{what}: calibration error, debiased, after Platt", error.estimate, "", error.low, error.high),
        Row(who, f"{what}: predicted over observed, after Platt", ratio.estimate, "", ratio.low, ratio.high),
        Row(who, f"{what}: AUC within users", float(np.average(within[held], weights=n[held])), ""),
        Row(who, f"{what}: trained", judged.rows_a_second, "rows/s"),
    ]


def differences(what: str, ours: Sequence[Judged], theirs: Sequence[Judged], split: Split) -> list[Row]:
    """Of the means over all seeds, one interval by user; of calibration see ``paired_calibration_interval``."""
    label, user = split.test.label, split.test.user
    a, b = (np.stack([one.test for one in side]) for side in (ours, theirs))
    mine, other = (np.mean([log_losses(expit(one), label) for one in side], axis=0) for side in (a, b))
    calibrated, peers = (np.stack([one.calibrated(split.later) for one in side]) for side in (ours, theirs))
    n = f"{len(ours)} seeds" if len(ours) > 1 else "one seed"
    found = {
        "AUC": paired_auc_interval(a, b, label, user, rng=0),
        "log-loss": paired_interval(mine, other, user, rng=0),
        "calibration error": paired_calibration_interval(calibrated, peers, label, user, rng=0),
    }
    return [Row("shortlist", f"{what}: {k}, {n}", one.estimate, "", one.low, one.high) for k, one in found.items()]
