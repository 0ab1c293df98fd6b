"""What optimising clicks costs: policies learned from one log for clicks and for return visits, and their true values.

In the simulated feed bait attracts and disappoints. A ranker that is trained on clicks learns bait as merit; a value
model learns from the same log what a satisfied click and another one do to return visits, and turns away from it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Float64
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.rehearsal.offline import LOG_FILE, control_of
from shortlist.rehearsal.plan import RehearsalPlan, seed_of
from shortlist.rehearsal.scores import Check, Figure
from shortlist.rehearsal.worlds import POSITION_BASED
from shortlist.simulation.feed_driver import feed_log
from shortlist.simulation.feed_world import FeedWorld
from shortlist.simulation.log_shape import LogShape
from shortlist.training.list_log import PolicyTable
from shortlist.training.objectives import CLICKS, RETURNS, learn_outcomes, objective_policies, read_visits

__all__ = ["ObjectiveFigures", "objective_checks", "objective_world"]


class ObjectiveFigures(msgspec.Struct, frozen=True):
    """A policy against the one that served, over worlds: means with 95% intervals.

    Attributes:
        policy: what it was learned for.
        worlds: how many.
        clicks: true lift of clicks a page.
        satisfied: true lift of clicks that satisfied.
        returns: true change in the chance that a visit is followed by another within a day.
    """

    policy: str
    worlds: int
    clicks: Figure
    satisfied: Figure
    returns: Figure


def objective_world(plan: RehearsalPlan, shape: LogShape, number: int, folder: Path) -> Float64:
    """One world: a log is written and read, two policies are learned, and their true changes found.

    Returns:
        float64 ``(2, 3)``: for clicks and for returns, the lifts of clicks and satisfied clicks and the change in
        returns.
    """
    seed = plan.seed, "objectives", number
    world, control = control_of(plan, shape, POSITION_BASED, seed_of(*seed, "world"))
    log = feed_log(world, control.policy(0, shape.places), plan.objective_pages, rng=seed_of(*seed, "log"))
    folder.mkdir(parents=True, exist_ok=True)
    log.write_parquet(folder / LOG_FILE)
    return _true_changes(world, _learned(control, folder / LOG_FILE), shape.places)


def _learned(control: PolicyTable, path: Path) -> PolicyTable:
    contexts, candidates = control.item.shape
    return objective_policies(
        control, learn_outcomes(read_visits(path, control), contexts=contexts, candidates=candidates)
    )


def _true_changes(world: FeedWorld, table: PolicyTable, places: int) -> Float64:
    served, *others = (world.value(table.policy(number, places)) for number in range(len(table.names)))
    return np.array(
        [
            [
                one.clicks / served.clicks - 1.0,
                one.satisfied / served.satisfied - 1.0,
                one.returns - served.returns,
            ]
            for one in others
        ]
    )


def objective_checks(changes: Float64, *, seed: int) -> tuple[tuple[ObjectiveFigures, ...], tuple[Check, ...]]:
    """Figures, and whether the trade is there and is reversed.

    Args:
        changes: float64 ``(W, 2, 3)``, of ``objective_world``.
        seed: of the bootstrap over worlds.
    """
    worlds = len(changes)

    def mean(policy: int, what: int) -> Figure:
        interval = clustered_interval(changes[:, policy, what], np.arange(worlds), rng=seed, draws=2_000)
        return Figure.of(interval)

    figures = tuple(
        ObjectiveFigures(name, worlds, *(mean(policy, what) for what in range(3)))
        for policy, name in enumerate((CLICKS, RETURNS))
    )
    clicks, returns = figures
    return figures, (
        _sign("optimising clicks raises clicks", clicks.clicks, 1.0),
        _sign("optimising clicks changes return visits for the worse", clicks.returns, -1.0),
        _sign("the value model changes return visits for the better", returns.returns, 1.0),
    )


def _sign(name: str, found: Figure, sign: float) -> Check:
    asked = f"95% interval {'above' if sign > 0 else 'below'} 0"
    passed = min(sign * found.low, sign * found.high) > 0.0
    return Check(name, POSITION_BASED.name, found.value, found, asked, passed)
