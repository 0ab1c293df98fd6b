"""A ranker that is trained on what it served, again and again: what it shows narrows, and what it can learn with it.

Each generation's policy serves a simulated feed, its log joins the older ones, and click rates of all of them make the
next policy. Two things are varied: whether clicks are weighed by the examination of their place (IPS), and whether
the policy explores, a slot softmax ten times as warm. Measured are what pages are truly worth, how many different
items stand first, and of how many changes the last log could still judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from shortlist.core.arrays import Float64
from shortlist.evaluation.bootstrap import clustered_interval
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.rehearsal.offline import LOG_FILE, control_of
from shortlist.rehearsal.plan import RehearsalPlan, seed_of
from shortlist.rehearsal.scores import Check, Figure
from shortlist.rehearsal.worlds import POSITION_BASED
from shortlist.simulation.feed_driver import feed_log
from shortlist.simulation.feed_world import FeedWorld
from shortlist.simulation.log_shape import LogShape
from shortlist.training.click_rates import click_rates
from shortlist.training.list_log import ListLog, PolicyTable, read_list_log
from shortlist.training.off_policy import PolicyJudge

__all__ = ["LOOPS", "Loop", "RetrainingFigures", "retraining_checks", "retraining_world"]

_GREEDY, _EXPLORES = 0.02, 0.2
_STEP = 0.2


@dataclass(frozen=True, slots=True)
class Loop:
    """How a ranker is retrained.

    Attributes:
        name: for reports.
        weigh_places: clicks over the examination of their place.
        temperature: of the slot softmax over the logarithm of rates.
    """

    name: str
    weigh_places: bool
    temperature: float


LOOPS = (
    Loop("click rate, greedy", False, _GREEDY),
    Loop("click rate, explores", False, _EXPLORES),
    Loop("IPS, greedy", True, _GREEDY),
    Loop("IPS, explores", True, _EXPLORES),
)


class RetrainingFigures(msgspec.Struct, frozen=True):
    """A loop: means over worlds with 95% intervals.

    Attributes:
        loop: its name.
        worth: true clicks a page of each generation, the first being the control: 0 as by lot, 1 as the best order.
        first_items: how many different items stand first in a context, as the exponential of their entropy.
        judged: share of changes to the last policy, by a fifth of every rate, that the last log gives an estimate of.
    """

    loop: str
    worth: tuple[Figure, ...]
    first_items: tuple[Figure, ...]
    judged: Figure


class _Seen(NamedTuple):
    worth: float
    first_items: float


def retraining_world(plan: RehearsalPlan, shape: LogShape, number: int, folder: Path) -> Float64:
    """One world, all loops from the same first log.

    Returns:
        float64 ``(4, 2 G + 1)``: worth and first items of each generation, then the judged share.
    """
    world, control = control_of(plan, shape, POSITION_BASED, seed_of(plan.seed, "retraining", number))
    folder.mkdir(parents=True, exist_ok=True)
    return np.array([_run(plan, world, control, loop, number, folder) for loop in LOOPS])


def _run(
    plan: RehearsalPlan, world: FeedWorld, control: PolicyTable, loop: Loop, number: int, folder: Path
) -> list[float]:
    places, (contexts, candidates) = world.examination.places, control.item.shape
    lot, best = (
        _clicks(world, score, t) for score, t in ((np.zeros_like(world.utility), 1.0), (world.attraction, 1e-3))
    )
    table, logs, seen = control, list[ListLog](), list[_Seen]()
    for generation in range(plan.generations):
        policy = table.policy(0, places)
        first = np.maximum(policy.item_at_place()[:, 0], 1e-300)
        entropy = float(world.share @ -(first * np.log(first)).sum(axis=1))
        seen.append(_Seen((world.value(policy).clicks - lot) / (best - lot), float(np.exp(entropy))))
        rng = seed_of(plan.seed, "retraining", number, loop.name if generation else "first", generation)
        feed_log(world, policy, plan.retraining_pages, rng=rng).write_parquet(folder / LOG_FILE)
        logs.append(read_list_log(folder / LOG_FILE, table))
        if generation < plan.generations - 1:
            rate = click_rates(
                ListLog.joined(logs), contexts=contexts, candidates=candidates, weigh_places=loop.weigh_places
            )
            table = PolicyTable((loop.name,), np.array([loop.temperature]), control.item, np.log(rate)[None])
    judged = _judged(table, logs[-1], places, seed_of(plan.seed, "retraining judge", number))
    return [*(one.worth for one in seen), *(one.first_items for one in seen), judged]


def _clicks(world: FeedWorld, score: Float64, temperature: float) -> float:
    places = world.examination.places
    return world.value(ListPolicy.softmax(score, temperature=temperature, places=places)).clicks


def _judged(table: PolicyTable, log: ListLog, places: int, seed: int) -> float:
    """Ten changes, each of which moves every predicted rate by some fifth."""
    moved = table.score[0] + _STEP * np.random.default_rng(seed).standard_normal((10, *table.score[0].shape))
    names = (*table.names, *(f"change {n}" for n in range(len(moved))))
    changes = PolicyTable(
        names, np.repeat(table.temperature, len(names)), table.item, np.concatenate([table.score, moved])
    )
    verdict = PolicyJudge(changes, places).judge(log, rng=seed)
    return float(np.mean([not row.abstains for row in verdict.estimates if row.method == "DR"]))


def retraining_checks(
    found: Float64, generations: int, *, seed: int
) -> tuple[tuple[RetrainingFigures, ...], tuple[Check, ...]]:
    """Figures, and what they must show.

    Args:
        found: float64 ``(W, 4, 2 G + 1)``, of ``retraining_world``.
        generations: G.
        seed: of the bootstrap over worlds.
    """

    def mean(values: Float64) -> Figure:
        return Figure.of(clustered_interval(values, np.arange(len(values)), rng=seed, draws=2_000))

    figures = tuple(
        RetrainingFigures(
            loop.name,
            tuple(mean(found[:, k, g]) for g in range(generations)),
            tuple(mean(found[:, k, generations + g]) for g in range(generations)),
            mean(found[:, k, -1]),
        )
        for k, loop in enumerate(LOOPS)
    )
    last, items, judged = generations - 1, 2 * generations - 1, -1
    checks = (
        (
            "greedy retraining narrows: items that stand first, last over first generation",
            mean(found[:, 0, items] / found[:, 0, generations]),
            -1.0,
            0.5,
        ),
        (
            "accounting for places: worth of IPS less that of click rates, greedy, last generation",
            mean(found[:, 2, last] - found[:, 0, last]),
            1.0,
            0.0,
        ),
        (
            "exploring keeps the log able to judge: share of changes, less that of greedy",
            mean(found[:, 3, judged] - found[:, 2, judged]),
            1.0,
            0.0,
        ),
    )
    return figures, tuple(
        Check(
            name,
            POSITION_BASED.name,
            figure.value,
            figure,
            f"95% interval {'above' if sign > 0 else 'below'} {bound:g}",
            figure.low > bound if sign > 0 else figure.high < bound,
        )
        for name, figure, sign, bound in checks
    )
