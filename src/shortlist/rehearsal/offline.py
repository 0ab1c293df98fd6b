"""The offline half of a round: a world writes its log, and the estimates are made from two files.

``estimates`` sees the files alone. Learning and judging live in rooms that cannot import the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shortlist.core.arrays import Float64
from shortlist.evaluation.off_policy.overlap import OverlapRule
from shortlist.rehearsal.plan import RehearsalPlan, seed_of
from shortlist.rehearsal.worlds import POSITION_BASED, THIN, ReadingWorld
from shortlist.simulation.feed_driver import feed_log
from shortlist.simulation.feed_world import FEATURES, FeedWorld
from shortlist.simulation.log_shape import LogShape
from shortlist.training.challengers import challenger_policies
from shortlist.training.list_log import PolicyTable, policy_frame, read_list_log, read_policies
from shortlist.training.off_policy import PolicyJudge

__all__ = ["ESTIMATES", "LOG_FILE", "POLICIES_FILE", "UNGUARDED", "Round", "control_of", "estimates", "write_log"]

ESTIMATES: dict[str, pl.DataType] = {
    "world": pl.String(),
    "log": pl.Int64(),
    "policy": pl.String(),
    "method": pl.String(),
    "lift": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "standard_error": pl.Float64(),
    "effective_rows": pl.Float64(),
    "abstains": pl.String(),
    "reading_z": pl.Float64(),
    "reading_rejected": pl.Boolean(),
}
"""``lift`` is null where the method abstains; the reading columns are the log's own."""

UNGUARDED = "DR that never abstains"
LOG_FILE, POLICIES_FILE, _OLDER_FILE = "log.parquet", "policies.parquet", "older.parquet"
_CANDIDATES = 10
_NEVER = OverlapRule(
    effective_rows=0.0, effective_rewards=0.0, largest_share=1.0, unsupported=1.0, mean_weight_z=float("inf"), users=0
)


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One world with its policies; the estimates of it need neither.

    Attributes:
        kind: of world.
        number: of the log, from 0.
        world: with the truth.
        table: the control as it served the log, and the challengers.
        conversions_seen: a page, those that arrived before the log ended.
    """

    kind: ReadingWorld
    number: int
    world: FeedWorld
    table: PolicyTable
    conversions_seen: float


def write_log(plan: RehearsalPlan, shape: LogShape, kind: ReadingWorld, number: int, folder: Path) -> Round:
    """Draw a world and have it write ``log.parquet`` and ``policies.parquet`` into a folder.

    An older log of the control comes first: what challengers have learned they have learned from it.
    """
    seed = plan.seed, kind.name, number
    world, control = control_of(plan, shape, kind, seed_of(*seed, "world"))
    folder.mkdir(parents=True, exist_ok=True)
    older = feed_log(world, control.policy(0, shape.places), plan.older_pages, rng=seed_of(*seed, "older log"))
    older.write_parquet(folder / _OLDER_FILE)
    table = challenger_policies(
        _features(world),
        world.item,
        temperature=plan.temperature,
        older=read_list_log(folder / _OLDER_FILE, control),
    )
    table.temperature[0] *= kind.cooling
    log = feed_log(world, table.policy(0, shape.places), plan.pages, rng=seed_of(*seed, "log"))
    log.write_parquet(folder / LOG_FILE)
    policy_frame(table).write_parquet(folder / POLICIES_FILE)
    seen = log["converted_us"].is_not_null().sum() / plan.pages
    return Round(kind, number, world, table, float(seen))


def control_of(plan: RehearsalPlan, shape: LogShape, kind: ReadingWorld, seed: int) -> tuple[FeedWorld, PolicyTable]:
    """A world, and the policy that serves in it."""
    candidates = max(_CANDIDATES, shape.places + 3)
    world = FeedWorld.draw(shape, kind.examination(shape), candidates=candidates, rng=seed)
    return world, challenger_policies(_features(world), world.item, temperature=plan.temperature)


def _features(world: FeedWorld) -> dict[str, Float64]:
    return {name: world.features[..., n] for n, name in enumerate(FEATURES)}


def estimates(plan: RehearsalPlan, world: str, number: int, folder: Path) -> pl.DataFrame:
    """What the two files say: schema ``ESTIMATES``."""
    table = read_policies(folder / POLICIES_FILE)
    log = read_list_log(folder / LOG_FILE, table)
    places = log.shown.shape[1]
    rng = seed_of(plan.seed, world, number, "judge")
    draws = plan.refit_draws if world == POSITION_BASED.name and number < plan.refitted_logs else 0
    verdict = PolicyJudge(table, places).judge(log, refit_draws=draws, rng=rng)
    z, rejected = (verdict.reading.z, verdict.reading.rejected) if verdict.reading else (None, None)
    rows = [(row.method, row) for row in verdict.estimates]
    if world == THIN.name:
        trusting = PolicyJudge(table, places, rule=_NEVER).judge(log, rng=rng)
        rows += [(UNGUARDED, row) for row in trusting.estimates if row.method == plan.gated]
    return pl.DataFrame(
        [
            (
                *(world, number, row.policy, method, row.lift, row.low, row.high, row.standard_error),
                *(row.effective_rows, row.abstains, z, rejected),
            )
            for method, row in rows
        ],
        schema=ESTIMATES,
        orient="row",
    )
