"""What else the simulated worlds show beside the estimates: objectives, whom to show something to, retraining."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Float64
from shortlist.rehearsal.objectives import ObjectiveFigures, objective_checks, objective_world
from shortlist.rehearsal.plan import RehearsalPlan
from shortlist.rehearsal.promotion import PROMOTION, Promotion, promotion_checks, rehearse_promotion
from shortlist.rehearsal.retraining import RetrainingFigures, retraining_checks, retraining_world
from shortlist.rehearsal.scores import Check
from shortlist.simulation.log_shape import LogShape

__all__ = ["Demonstrations", "demonstrate"]

Progress = Callable[[str, int, int], None]


class Demonstrations(msgspec.Struct, frozen=True, kw_only=True):
    """Figures, and whether they show what they should.

    Attributes:
        objectives: what optimising clicks costs, and a value model instead.
        promotion: whom to show a promotion to.
        retraining: rankers trained on what they served.
        checks: of all three.
    """

    objectives: tuple[ObjectiveFigures, ...]
    promotion: Promotion
    retraining: tuple[RetrainingFigures, ...]
    checks: tuple[Check, ...]


def demonstrate(plan: RehearsalPlan, shape: LogShape, logs: Path, progress: Progress) -> Demonstrations:
    """Run all three.

    Args:
        plan: the sizes.
        shape: what the feeds are drawn to.
        logs: folder that keeps the promotion's log.
        progress: world by world.
    """
    promotion = rehearse_promotion(plan, logs / PROMOTION)
    objectives, about_objectives = objective_checks(
        _worlds("objectives", objective_world, plan.objective_worlds, plan, shape, progress), seed=plan.seed
    )
    retraining, about_retraining = retraining_checks(
        _worlds("retraining", retraining_world, plan.retraining_worlds, plan, shape, progress),
        plan.generations,
        seed=plan.seed,
    )
    return Demonstrations(
        objectives=objectives,
        promotion=promotion,
        retraining=retraining,
        checks=(*about_objectives, *promotion_checks(promotion), *about_retraining),
    )


def _worlds(
    what: str,
    one: Callable[[RehearsalPlan, LogShape, int, Path], Float64],
    worlds: int,
    plan: RehearsalPlan,
    shape: LogShape,
    progress: Progress,
) -> Float64:
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(worlds):
            found.append(one(plan, shape, number, Path(scratch)))
            progress(what, number + 1, worlds)
    return np.stack(found)
