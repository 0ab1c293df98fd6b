"""What a rehearsal found, as one structure: JSON and the page are made from it."""

from __future__ import annotations

import msgspec
import polars as pl

from shortlist.rehearsal.demonstrations import Demonstrations
from shortlist.rehearsal.gates import controls, gates
from shortlist.rehearsal.plan import RehearsalPlan
from shortlist.rehearsal.scores import Check, MethodScore, judged_rows, score
from shortlist.training.challengers import CHALLENGERS

__all__ = ["ChallengerFigures", "RehearsalReport", "make_report"]

_NEAR = 0.03


class ChallengerFigures(msgspec.Struct, frozen=True):
    """A challenger in the position-based world, over its logs.

    Attributes:
        name: its name.
        kind: "near", "learned" or "trap".
        true_lift: the mean.
        within: share of logs in which its true lift is within 3% of the control.
        estimated_lift: mean of the gated method's, where it answered; None where it never did.
    """

    name: str
    kind: str
    true_lift: float
    within: float
    estimated_lift: float | None


class RehearsalReport(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; everything in it is simulated.

    Attributes:
        simulated: always true.
        plan: what was fixed.
        plan_sha256: of its file.
        estimates_sha256: of the file of estimates, before the experiments.
        estimates_unchanged: is that still its hash after them?
        shape: what the worlds were fitted to, and what was invented.
        gates: the five.
        controls: the negative ones, and the test of reading.
        scores: of every method in every world.
        challengers: what there was to find.
        demonstrations: what else the worlds show.
    """

    simulated: bool = True
    plan: RehearsalPlan
    plan_sha256: str
    estimates_sha256: str
    estimates_unchanged: bool
    shape: tuple[str, ...]
    gates: tuple[Check, ...]
    controls: tuple[Check, ...]
    scores: tuple[MethodScore, ...]
    challengers: tuple[ChallengerFigures, ...]
    demonstrations: Demonstrations

    @property
    def passed(self) -> bool:
        """Are all gates passed and all controls kept?"""
        return self.estimates_unchanged and all(
            one.passed for one in (*self.gates, *self.controls, *self.demonstrations.checks)
        )


def make_report(
    plan: RehearsalPlan,
    *,
    estimates: pl.DataFrame,
    experiments: pl.DataFrame,
    logs: pl.DataFrame,
    demonstrations: Demonstrations,
    plan_sha256: str,
    estimates_sha256: str,
    estimates_unchanged: bool,
    shape: tuple[str, ...],
) -> RehearsalReport:
    """Score the estimates and put them through the gates."""
    rows = judged_rows(estimates, experiments)
    scores = tuple(score(rows, seed=plan.seed))
    by = {(one.world, one.method): one for one in scores}
    return RehearsalReport(
        plan=plan,
        plan_sha256=plan_sha256,
        estimates_sha256=estimates_sha256,
        estimates_unchanged=estimates_unchanged,
        shape=shape,
        gates=gates(plan, by),
        controls=controls(plan, by, estimates, logs),
        scores=scores,
        challengers=_challengers(rows.filter((pl.col("world") == plan.worlds[0].name), pl.col("method") == plan.gated)),
        demonstrations=demonstrations,
    )


def _challengers(rows: pl.DataFrame) -> tuple[ChallengerFigures, ...]:
    kinds = {one.name: one.kind for one in CHALLENGERS}
    found = rows.group_by("policy", maintain_order=True).agg(
        pl.col("true_lift").mean(),
        within=(pl.col("true_lift").abs() <= _NEAR).mean(),
        estimated=pl.col("lift").mean(),
    )
    return tuple(
        ChallengerFigures(name, kinds[name], true, within, estimated)
        for name, true, within, estimated in found.iter_rows()
    )
