"""The sheet of the widget ``loop``: the rehearsal's four loops, in small simulated feeds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Float64
from shortlist.funnel.engine import Engine
from shortlist.learning.progress import Progress
from shortlist.lessons.position_bias.loop import GENERATIONS, LoopSheet, Ran
from shortlist.rehearsal.offline import control_of
from shortlist.rehearsal.plan import RehearsalPlan
from shortlist.rehearsal.retraining import LOOPS, retraining_world
from shortlist.rehearsal.worlds import POSITION_BASED
from shortlist.simulation.log_shape import LogShape

__all__ = ["PAGES", "WORLDS", "loop_plan", "make_loops"]

WORLDS = 3
PAGES = 1_500
"""Of a generation."""


def loop_plan(seed: int) -> RehearsalPlan:
    """The rehearsal's quick plan, with smaller logs."""
    return msgspec.structs.replace(RehearsalPlan.quick(seed), retraining_pages=PAGES, generations=GENERATIONS)


def make_loops(engine: Engine, seed: int, progress: Progress) -> LoopSheet:
    """Every loop in every world, from one first log a world."""
    plan, shape = loop_plan(seed), LogShape.invent()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(WORLDS):
            found.append(retraining_world(plan, shape, number, Path(scratch)))
            progress("lesson 7: retraining", number + 1, WORLDS)
    contexts, candidates = control_of(plan, shape, POSITION_BASED, 0)[1].item.shape
    return LoopSheet(
        release=engine.release.version,
        seed=seed,
        pages=PAGES,
        contexts=contexts,
        candidates=candidates,
        loops=tuple(_ran(np.stack(found)[:, k]) for k in range(len(LOOPS))),
    )


def _ran(found: Float64) -> Ran:
    """Of ``(W, 2 G + 1)``, see ``retraining_world``."""
    return Ran(
        worth=tuple(tuple(row) for row in found[:, :GENERATIONS].tolist()),
        first_items=tuple(tuple(row) for row in found[:, GENERATIONS:-1].tolist()),
        judged=tuple(found[:, -1].tolist()),
    )
