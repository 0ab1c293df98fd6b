"""Whom to show it to, in a simulated promotion: what each ranking of users would truly bring."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from shortlist.rehearsal.plan import RehearsalPlan, seed_of
from shortlist.rehearsal.scores import Check, Figure
from shortlist.simulation.promotion import PromotionWorld
from shortlist.training.uplift import CLICK, EFFECTS, judge_uplift
from shortlist.training.uplift_log import read_uplift_log

__all__ = ["PROMOTION", "Promotion", "PromotionFigures", "promotion_checks", "rehearse_promotion"]

PROMOTION = "promotion"
TOP = 0.3
"""Share of users that it is shown to."""


class PromotionFigures(msgspec.Struct, frozen=True):
    """A ranking of users.

    Attributes:
        method: by what.
        qini: on the judged half of the log, in conversions a user, with its 95% interval.
        more: less that of ``P(click | shown)``.
        true_gain: conversions a user that showing it to the first 30% of fresh users adds, exactly.
    """

    method: str
    qini: Figure
    more: Figure
    true_gain: float


class Promotion(msgspec.Struct, frozen=True):
    """All rankings, and what bounds them.

    Attributes:
        users: in the log.
        lot: true gain of showing it to 30% by lot.
        best: true gain of showing it to those with the largest effects.
        figures: in the order of ``training.uplift.METHODS``.
    """

    users: int
    lot: float
    best: float
    figures: tuple[PromotionFigures, ...]


def rehearse_promotion(plan: RehearsalPlan, folder: Path) -> Promotion:
    """A world writes ``log.parquet``, all is learned from the file, and fresh users tell what it was worth."""
    world, n = PromotionWorld(), plan.promotion_users
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.parquet"
    users = world.users(n, seed_of(plan.seed, PROMOTION, "users"))
    world.log(users, seed_of(plan.seed, PROMOTION, "log")).write_parquet(path)
    log = read_uplift_log(path)
    verdict, predict = judge_uplift(log, rng=seed_of(plan.seed, PROMOTION, "judge"))
    fresh = world.users(n, seed_of(plan.seed, PROMOTION, "fresh users"))
    features = fresh.features[:, [world.features.index(name) for name in log.names]]

    def gain(score: np.ndarray) -> float:
        first = np.argsort(-score, kind="stable")[: int(TOP * n)]
        return float(fresh.effect[first].sum()) / n

    return Promotion(
        users=n,
        lot=TOP * float(fresh.effect.mean()),
        best=gain(fresh.effect),
        figures=tuple(
            PromotionFigures(one.method, Figure.of(one.qini), Figure.of(one.more), gain(predict[one.method](features)))
            for one in verdict.scores
        ),
    )


def promotion_checks(found: Promotion) -> tuple[Check, ...]:
    """Does an effect that was learned beat a chance of a click?"""
    by = {one.method: one for one in found.figures}
    return tuple(
        Check(
            f"Qini of the {name} less that of {CLICK}",
            PROMOTION,
            by[name].more.value,
            by[name].more,
            "95% interval above 0",
            by[name].more.low > 0.0,
        )
        for name in EFFECTS
    )
