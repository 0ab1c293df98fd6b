"""The sheet of the widget ``whom``: rankings of users, learned from a simulated promotion and tried on fresh users."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.funnel.engine import Engine
from shortlist.learning.progress import Progress
from shortlist.learning.uplift.regression import BoostedRegression
from shortlist.lessons.position_bias.whom import FIFTHS, SHARES, RankedUsers, WhomSheet
from shortlist.rehearsal.plan import seed_of
from shortlist.simulation.promotion import PromotionWorld
from shortlist.training.uplift import METHODS, judge_uplift
from shortlist.training.uplift_log import read_uplift_log

__all__ = ["FRESH", "USERS", "Tried", "make_whom", "try_promotion"]

USERS, FRESH = 14_000, 10_000
_DRAWS = 2
"""Of users, for intervals that the sheet does not show."""


class Tried(NamedTuple):
    """A promotion that was run, learned from and tried on fresh users.

    Attributes:
        qini: on the judged half of the log, in the order of ``METHODS``.
        score: of each fresh user by each method, ``(M, N)``.
        effect: true, ``(N,)``.
    """

    qini: tuple[float, ...]
    score: Float64
    effect: Float64


def try_promotion(seed: int) -> Tried:
    """A world writes a log, all is learned from the file, and fresh users are scored."""
    world = PromotionWorld()
    users, fresh = (world.users(n, seed_of(seed, "whom", n)) for n in (USERS, FRESH))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "log.parquet"
        world.log(users, seed_of(seed, "whom", "log")).write_parquet(path)
        log = read_uplift_log(path)
    small = BoostedRegression(trees=60, learning_rate=0.1)
    verdict, predict = judge_uplift(log, regress=small, draws=_DRAWS, rng=seed)
    features = fresh.features[:, [world.features.index(name) for name in log.names]]
    return Tried(
        qini=tuple(one.qini.estimate for one in verdict.scores),
        score=np.stack([predict[name](features) for name in METHODS]),
        effect=fresh.effect,
    )


def make_whom(engine: Engine, seed: int, progress: Progress) -> WhomSheet:
    """Every ranking's true gains."""
    tried = try_promotion(seed)
    progress("lesson 7: whom to show it to", 1, 1)
    return WhomSheet(
        release=engine.release.version,
        seed=seed,
        users=USERS,
        fresh=FRESH,
        average=float(tried.effect.mean()),
        rankings=tuple(_ranked(score, tried.effect) for score in tried.score),
        qini=tried.qini,
        best=_ranked(tried.effect, tried.effect),
    )


def _ranked(score: Float64, effect: Float64) -> RankedUsers:
    ranked = effect[np.argsort(-score, kind="stable")]
    firsts = [ranked[: len(ranked) * share // 100] for share in SHARES]
    return RankedUsers(
        gain=tuple(float(first.sum()) / len(ranked) for first in firsts),
        put_off=tuple(float((first < 0.0).mean()) for first in firsts),
        effect=tuple(float(part.mean()) for part in np.array_split(ranked, FIFTHS)),
    )
