"""The online half: simulated experiments with seeds that did not exist before, and the true lifts."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import ndtri

from shortlist.core.arrays import Bool
from shortlist.core.randomness import generator
from shortlist.rehearsal.offline import Round
from shortlist.rehearsal.plan import RehearsalPlan, seed_of
from shortlist.simulation.feed_driver import serve

__all__ = ["EXPERIMENTS", "LOGS", "experiment", "log_truth"]

EXPERIMENTS: dict[str, pl.DataType] = {
    "world": pl.String(),
    "log": pl.Int64(),
    "policy": pl.String(),
    "true_lift": pl.Float64(),
    "ab_lift": pl.Float64(),
    "ab_standard_error": pl.Float64(),
    "ab_low": pl.Float64(),
    "ab_high": pl.Float64(),
}
LOGS: dict[str, pl.DataType] = {
    "world": pl.String(),
    "log": pl.Int64(),
    "conversions_seen": pl.Float64(),
    "true_conversions": pl.Float64(),
}
"""Conversions a page of the control: those that arrived before the log ended, and all that will."""


def experiment(plan: RehearsalPlan, one: Round, *, estimates_hash: str) -> pl.DataFrame:
    """An A/B of each challenger with as many pages as the log had, half an arm: schema ``EXPERIMENTS``.

    Args:
        plan: the sizes.
        one: the world and its policies.
        estimates_hash: of the file of estimates; the seeds are made of it.
    """
    places = one.world.examination.places
    policies = [one.table.policy(number, places) for number in range(len(one.table.names))]
    value = [one.world.value(policy).clicks for policy in policies]
    z = float(ndtri(0.975))
    rows = []
    for number in range(1, len(policies)):
        rng = generator(seed_of(estimates_hash, one.kind.name, one.number, number))
        control, challenger = (serve(one.world, policies[arm], plan.pages // 2, rng=rng).click for arm in (0, number))
        lift, error = _lift(challenger, control)
        true = value[number] / value[0] - 1.0
        name = one.table.names[number]
        rows.append((one.kind.name, one.number, name, true, lift, error, lift - z * error, lift + z * error))
    return pl.DataFrame(rows, schema=EXPERIMENTS, orient="row")


def log_truth(one: Round) -> pl.DataFrame:
    """What the log saw of the control's conversions, and what is true of them: schema ``LOGS``."""
    true = one.world.value(one.table.policy(0, one.world.examination.places)).conversions
    return pl.DataFrame([(one.kind.name, one.number, one.conversions_seen, true)], schema=LOGS, orient="row")


def _lift(challenger: Bool, control: Bool) -> tuple[float, float]:
    """Of two independent arms, with its standard error by the delta method."""
    a, b = (click.sum(axis=1).astype(np.float64) for click in (challenger, control))
    ratio = float(a.mean() / b.mean())
    variance = a.var(ddof=1) / len(a) + ratio**2 * b.var(ddof=1) / len(b)
    return ratio - 1.0, float(np.sqrt(variance) / b.mean())
