"""``prepare``: every sheet that the lessons read, made by the engine that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from shortlist.core.errors import NotFound
from shortlist.funnel.engine import Engine
from shortlist.lessons.candidate_generation.factors import FactorsSheet
from shortlist.lessons.candidate_generation.new_item import NewItemSheet
from shortlist.lessons.losses_and_calibration.calibrators import CalibratorsSheet
from shortlist.lessons.losses_and_calibration.confidence import ConfidenceSheet
from shortlist.lessons.nearest_neighbours.frontier import FrontierSheet
from shortlist.lessons.negative_sampling.batch import BatchSheet
from shortlist.lessons.negative_sampling.gradient import GradientSheet
from shortlist.lessons.negative_sampling.hard import HardSheet
from shortlist.lessons.negative_sampling.logq import SkewSheet
from shortlist.lessons.position_bias.loop import LoopSheet
from shortlist.lessons.position_bias.whom import WhomSheet
from shortlist.lessons.ranking_model.crossover import CrossoverSheet
from shortlist.lessons.ranking_model.depth import DepthSheet
from shortlist.lessons.ranking_model.models import ModelsSheet
from shortlist.lessons.sheets import Sheet, sheet_path, write_sheet
from shortlist.workbook.factorizations import make_factors
from shortlist.workbook.losses_and_calibration.calibrators import make_calibrators
from shortlist.workbook.losses_and_calibration.confidence import make_confidence
from shortlist.workbook.nearest_neighbours import make_frontier
from shortlist.workbook.negative_sampling.batches import make_batch
from shortlist.workbook.negative_sampling.gradients import make_gradient
from shortlist.workbook.negative_sampling.hard import make_hard
from shortlist.workbook.negative_sampling.skew import make_skew
from shortlist.workbook.new_items import make_new_items
from shortlist.workbook.position_bias.loops import make_loops
from shortlist.workbook.position_bias.promotions import make_whom
from shortlist.workbook.ranking_model.beside import make_models
from shortlist.workbook.ranking_model.crossovers import make_crossovers
from shortlist.workbook.ranking_model.depths import make_depths

__all__ = ["MAKERS", "Maker", "Progress", "prepare"]

Progress = Callable[[str, int, int], None]
"""Told of a name, steps done and steps in all."""
Maker = Callable[[Engine, int, Progress], Sheet]
"""Works out one sheet from an engine and a seed; a release that cannot drive it raises ``NotFound``."""

MAKERS: dict[type[Sheet], Maker] = {
    NewItemSheet: make_new_items,
    FactorsSheet: make_factors,
    FrontierSheet: make_frontier,
    ConfidenceSheet: make_confidence,
    CalibratorsSheet: make_calibrators,
    GradientSheet: make_gradient,
    SkewSheet: make_skew,
    HardSheet: make_hard,
    BatchSheet: make_batch,
    ModelsSheet: make_models,
    DepthSheet: make_depths,
    CrossoverSheet: make_crossovers,
    LoopSheet: make_loops,
    WhomSheet: make_whom,
}
"""The maker of each kind of sheet."""


def prepare(engine: Engine, *, again: bool, seed: int, progress: Progress) -> Iterator[Path | NotFound]:
    """Write the sheets that are missing, or all of them ``again``.

    Yields:
        The file of each sheet that was made, or why this release cannot have it.
    """
    for kind, make in MAKERS.items():
        if sheet_path(engine, kind.name).exists() and not again:
            continue
        try:
            yield write_sheet(engine, make(engine, seed, progress))
        except NotFound as reason:
            yield reason
