"""The sheet of the widget ``depth``: cross networks of every depth on interactions of every order."""

from __future__ import annotations

from functools import partial

import msgspec

from shortlist.core.arrays import Float32, Float64
from shortlist.evaluation.metrics.auc import auc
from shortlist.funnel.engine import Engine
from shortlist.learning.progress import Progress
from shortlist.lessons.ranking_model.depth import LAYERS, ORDERS, DepthSheet
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.logistic_regression_model import LogisticRegression
from shortlist.simulation.parity import Parity
from shortlist.workbook.ranking_model.trained import RECIPE, Net, logits, train_net, train_trees

__all__ = ["DEPTH_RECIPE", "cross_network", "make_depths", "planted_rows"]

SWITCHES = 10
LEARNED, LATER, JUDGED = 3_000, 1_000, 8_000
DEPTH_RECIPE = msgspec.structs.replace(RECIPE, epochs=12, patience=4, batch=256, chunk=256, learning_rate=2e-2)

Rows = tuple[Float32, Float64, Float32]


def make_depths(engine: Engine, seed: int, progress: Progress) -> DepthSheet:
    """All orders and depths, and boosted trees of each order."""
    sizes = InputSizes(candidate_dense=SWITCHES)
    truth, by_depth, trees = [], [], []
    for done, order in enumerate(ORDERS):
        learn, later, test = planted_rows(order, seed)
        truth.append(auc(test[1], test[2]))
        found = []
        for layers in LAYERS:
            model = train_net(cross_network(layers), _rows(learn), _rows(later), seed=seed, recipe=DEPTH_RECIPE)
            found.append(auc(logits(model, sizes, {"candidate_dense": test[0]}), test[2]))
            progress("lesson 4: depths", done * len(LAYERS) + len(found), len(ORDERS) * len(LAYERS))
        by_depth.append(tuple(found))
        columns = [f"switch {k}" for k in range(1, SWITCHES + 1)]
        grown = train_trees((learn[0], learn[2]), (later[0], later[2]), columns=columns, seed=seed)
        trees.append(auc(grown.raw(test[0]), test[2]))
    return DepthSheet(
        release=engine.release.version,
        seed=seed,
        switches=SWITCHES,
        strength=Parity(2).strength,
        learned=LEARNED,
        judged=JUDGED,
        truth=tuple(truth),
        cross=tuple(by_depth),
        trees=tuple(trees),
    )


def cross_network(layers: int) -> Net:
    """DCN-v2's cross network alone, of full rank; without layers a logistic regression is left."""
    return Net(partial(DCNv2, cross_layers=layers, rank=None, hidden=()) if layers else LogisticRegression, width=1)


def planted_rows(order: int, seed: int) -> tuple[Rows, Rows, Rows]:
    """To learn from, to stop by, and to be judged on."""
    world = Parity(order, SWITCHES)
    learn, later, test = (
        world.draw(rows, rng=seed + 10 * order + part) for part, rows in enumerate((LEARNED, LATER, JUDGED))
    )
    return learn, later, test


def _rows(rows: Rows) -> InputRows:
    return InputRows(InputSizes(candidate_dense=SWITCHES), {"candidate_dense": rows[0]}, rows[2])
