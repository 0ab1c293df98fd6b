"""Five gates that the estimator must pass, and the controls that show that the gates can be failed.

Rank correlation alone says little: a naive click rate ranks policies that differ much nearly as well as anything. So
the size of a lift, its sign, its interval and what one would have chosen by it are asked too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from shortlist.evaluation.bootstrap import ratio_interval
from shortlist.rehearsal.offline import UNGUARDED
from shortlist.rehearsal.plan import RehearsalPlan
from shortlist.rehearsal.scores import AB, Check, Figure, MethodScore
from shortlist.rehearsal.worlds import POSITION_BASED, STOPPING, THIN
from shortlist.training.off_policy import CONTROLS

__all__ = ["controls", "gates"]

Scores = Mapping[tuple[str, str], MethodScore]


def gates(plan: RehearsalPlan, scores: Scores) -> tuple[Check, ...]:
    """Of the gated method where its assumption holds."""
    bounds, world = plan.bounds, POSITION_BASED.name
    ours, ceiling = scores[world, plan.gated], scores[world, AB]
    low, high = bounds.coverage
    coverage, rank = ours.coverage, ours.rank
    regret, most = ours.regret, max(bounds.regret * (ceiling.regret or 0.0), bounds.regret_floor)
    enough = ours.logs >= bounds.logs
    held = enough and coverage is not None and coverage.low <= high and coverage.high >= low
    return (
        _check("error of lifts / standard error of the A/B", world, ours.error, most=bounds.error),
        _check(
            "right signs of lifts over 2 standard errors",
            world,
            ours.sign,
            least=bounds.sign,
            says=f"{ours.decided:,} lifts; the A/B itself has {_share(ceiling.sign)}",
        ),
        Check(
            "coverage of 95% intervals",
            world,
            coverage.value if coverage else None,
            coverage,
            f"99% interval by log meets {low:g} to {high:g}, {bounds.logs} logs or more",
            held,
            f"{ours.logs} independent logs" + ("" if enough else ": too few to judge by"),
        ),
        _check(
            "regret of choosing by it", world, regret, most=most, says="the bound is the A/B's own regret, or the floor"
        ),
        Check(
            "rank correlation τ with the true lifts",
            world,
            rank.value if rank else None,
            rank,
            f"95% interval above {bounds.rank:g}",
            rank is not None and rank.low >= bounds.rank,
            f"the A/B has {ceiling.rank.value:.2f}" if ceiling.rank else "",
        ),
    )


def controls(plan: RehearsalPlan, scores: Scores, estimates: pl.DataFrame, logs: pl.DataFrame) -> tuple[Check, ...]:
    """What must fail, and must be seen to."""
    bounds, world = plan.bounds, POSITION_BASED.name
    naive, old, shuffled = (scores[world, name] for name in CONTROLS)
    ours = scores[world, plan.gated]
    found = [
        _misses(naive, "places ignored: the naive click rate", bounds.coverage[0], ""),
        _misses(
            old,
            "top-K of a new ranker on old lists",
            bounds.coverage[0],
            f"its error is {_times(old.error, ours.error)} times that of {plan.gated}, bias {old.bias or 0.0:+.1%}: "
            "what could be clicked at all the old ranker chose",
        ),
        Check(
            "propensities of other rows: τ near 0",
            world,
            shuffled.rank.value if shuffled.rank else None,
            shuffled.rank,
            f"within {bounds.shuffled_rank:g} of 0",
            shuffled.rank is not None and abs(shuffled.rank.value) <= bounds.shuffled_rank,
        ),
    ]
    thin, unguarded = scores.get((THIN.name, plan.gated)), scores.get((THIN.name, UNGUARDED))
    if thin is not None and unguarded is not None and unguarded.coverage is not None:
        share = thin.abstained / (thin.abstained + thin.answered)
        says = f"had it answered, its intervals would have held the truth {unguarded.coverage.value:.0%} of the time"
        found.append(
            _check("abstains on a log that hardly varies", THIN.name, share, least=bounds.abstained, says=says)
        )
    by_log = estimates.group_by("world", "log").agg(pl.col("reading_rejected").first())
    flagged = {str(w): float(own["reading_rejected"].mean()) for (w,), own in by_log.group_by("world")}  # type: ignore[arg-type]
    name = "test of reading: logs whose users are said to stop"
    found.append(_check(name, world, flagged.get(world), most=bounds.spared))
    found += [_check(name, w.name, flagged[w.name], least=bounds.flagged) for w in STOPPING if w.name in flagged]
    return (*found, _late_conversions(logs.filter(pl.col("world") == world), plan.seed))


def _late_conversions(logs: pl.DataFrame, seed: int) -> Check:
    seen, true = logs["conversions_seen"].to_numpy(), logs["true_conversions"].to_numpy()
    interval = Figure.of(ratio_interval(seen, true, np.arange(len(logs)), rng=seed, level=0.99))
    return Check(
        "delay ignored: conversions in the log / conversions to come",
        POSITION_BASED.name,
        interval.value,
        interval,
        "99% interval below 1",
        interval.high < 1.0,
        "a log that has just ended has not seen what its last clicks will bring",
    )


def _misses(seen: MethodScore, name: str, least: float, says: str) -> Check:
    coverage = seen.coverage
    return Check(
        f"{name} misses coverage",
        seen.world,
        coverage.value if coverage else None,
        coverage,
        f"99% interval by log below {least:g}",
        coverage is not None and coverage.high < least,
        says,
    )


def _check(
    name: str, world: str, found: float | None, *, least: float | None = None, most: float | None = None, says: str = ""
) -> Check:
    asked = f"at least {least:g}" if least is not None else f"at most {most:.4g}"
    kept = found is not None and (least is None or found >= least) and (most is None or found <= most)
    return Check(name, world, found, None, asked, kept, says)


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _times(a: float | None, b: float | None) -> str:
    return f"{a / b:.1f}" if a is not None and b else "?"
