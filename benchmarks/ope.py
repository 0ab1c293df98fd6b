"""Off-policy estimates on Open Bandit, small: what one policy's log says of the other, beside what the other earned.

Two questions. From the random policy's log: what does Thompson sampling earn a shown item? Its chances are those of the
published prior, by Monte Carlo. From the log of Thompson sampling: what would showing items at random earn? Both rest
on the clicks of a handful of rows, and the honest answer is to abstain; the estimates are printed all the same.

A check of arithmetic, not a contest: with 38 and 42 clicks no estimator can be told from another. "on-policy" is the
other policy's own log. The outcome model of DM, DR and Switch is an item's click rate shrunk to the mean, fitted on the
half of the log that it does not predict.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.report import Row
from shortlist.core.arrays import Float64
from shortlist.datasets.open_bandit import BanditLog, OpenBandit, load_open_bandit
from shortlist.evaluation.off_policy.estimate import Estimate
from shortlist.evaluation.off_policy.estimators import (
    clipped_ips,
    direct,
    doubly_robust,
    ips,
    on_policy,
    snips,
    switch,
)
from shortlist.evaluation.off_policy.overlap import OverlapRule, overlap
from shortlist.evaluation.off_policy.refit import refit_interval

_PRIOR_ROWS = 200.0
"""Rows of the mean that an item's own click rate is shrunk by."""


def run(quick: bool, seed: int) -> Sequence[Row]:
    data = load_open_bandit()
    rng = np.random.default_rng(seed)
    items = len(data.alpha)
    uniform = np.full((items, data.places), 1.0 / items)
    thompson = _thompson(data, 50_000 if quick else 500_000, rng)
    draws = 50 if quick else 500
    return [
        *_estimates("Thompson sampling from the random log", data.random, data.bts, thompson, draws, rng),
        *_estimates("random from the Thompson sampling log", data.bts, data.random, uniform, draws, rng),
    ]


def _estimates(
    what: str, log: BanditLog, other: BanditLog, target: Float64, draws: int, rng: np.random.Generator
) -> list[Row]:
    weight = target[log.item, log.place] / log.propensity
    seen = overlap(weight, log.click)
    refused = OverlapRule().judge(seen)
    half = rng.integers(2, size=len(log))
    shown, mean = _predictions(log, half, target, np.arange(len(log)))
    rows = [_row("on-policy, its own log", what, on_policy(other.click))]
    rows += [
        _row(estimate.method, what, estimate)
        for estimate in (
            ips(weight, log.click),
            clipped_ips(weight, log.click, clip=10.0),
            snips(weight, log.click),
            direct(mean),
            doubly_robust(weight, log.click, shown, mean),
            switch(weight, log.click, shown, mean, threshold=10.0),
        )
    ]

    def refitted(picked: np.ndarray) -> float:
        said, expected = _predictions(log, half, target, picked)
        return doubly_robust(weight[picked], log.click[picked], said, expected).value

    found = refit_interval(refitted, np.arange(len(log)), draws=draws, rng=rng)
    rows.append(Row("DR, outcome model refitted", what, found.estimate, "clicks a row", found.low, found.high))
    rows.append(Row("overlap", f"{what}: effective sample size", seen.effective_rows, "rows"))
    rows.append(Row("overlap", f"{what}: effective clicks", seen.effective_rewards, "rows"))
    rows.append(
        Row(refused.reason if refused else "answers", f"{what}: abstains", float(refused is not None), "0 or 1")
    )
    return rows


def _row(who: str, what: str, estimate: Estimate) -> Row:
    interval = estimate.interval()
    return Row(who, what, estimate.value, "clicks a row", interval.low, interval.high)


def _predictions(log: BanditLog, half: np.ndarray, target: Float64, picked: np.ndarray) -> tuple[Float64, Float64]:
    """Of each picked row, by a model of the other half: what was shown, and the mean over what the target shows."""
    item, place, click, of = log.item[picked], log.place[picked], log.click[picked], half[picked]
    shown, mean = np.empty(len(picked)), np.empty(len(picked))
    for side in (0, 1):
        fit, use = of != side, of == side
        base = click[fit].mean()
        n = np.bincount(item[fit], minlength=len(target))
        rate = (np.bincount(item[fit], click[fit], len(target)) + _PRIOR_ROWS * base) / (n + _PRIOR_ROWS)
        shown[use] = rate[item[use]]
        mean[use] = (rate @ target)[place[use]]
    return shown, mean


def _thompson(data: OpenBandit, draws: int, rng: np.random.Generator) -> Float64:
    """P(item at place) when every item draws from its prior and the three largest stand in order."""
    chance = np.zeros((len(data.alpha), data.places))
    for _ in range(draws // 10_000):
        top = np.argsort(-rng.beta(data.alpha, data.beta, (10_000, len(data.alpha))), axis=1)[:, : data.places]
        for place in range(data.places):
            chance[:, place] += np.bincount(top[:, place], minlength=len(chance))
    return np.asarray(chance / chance.sum(axis=0), dtype=np.float64)
