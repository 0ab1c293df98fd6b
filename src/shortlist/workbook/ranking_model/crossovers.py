"""The sheet of the widget ``crossover``: a net with embeddings beside boosted trees, by rows and cardinality."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32
from shortlist.evaluation.metrics.auc import auc
from shortlist.features.target_statistics import TargetStatistics, smoothed_rate
from shortlist.funnel.engine import Engine
from shortlist.learning.progress import Progress
from shortlist.lessons.ranking_model.crossover import CARDINALITIES, ROWS_AN_ID, CrossoverSheet, Measured
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes
from shortlist.simulation.two_ids import Clicks, TwoIds
from shortlist.workbook.ranking_model.trained import RECIPE, Net, logits, train_net, train_trees

__all__ = ["NET", "Matrices", "drawn", "judged_pair", "make_crossovers", "matrices"]

WORLDS = 5
WORLDS_OF_A_SMALL_RELEASE, SMALL = 2, 1_000
JUDGED = 4_000
STOPPING = 0.15
PRIOR = 10.0
NET = Net(partial(DCNv2, hidden=(32,), dropout=0.0))
CROSSOVER_RECIPE = msgspec.structs.replace(
    RECIPE, patience=3, batch=256, chunk=256, learning_rate=5e-3, embedding_rate=0.4
)
COLUMNS = (
    "number 1",
    "number 2",
    "number 3",
    "rate of who",
    "rows of who",
    "rate of what",
    "rows of what",
    "who",
    "what",
)


def make_crossovers(engine: Engine, seed: int, progress: Progress) -> CrossoverSheet:
    """All cardinalities and sizes, each in worlds of their own; a small catalogue gets fewer worlds and sizes."""
    small = len(engine.catalogue) < SMALL
    worlds = WORLDS_OF_A_SMALL_RELEASE if small else WORLDS
    rows_an_id = ROWS_AN_ID[:2] if small else ROWS_AN_ID
    measured: list[tuple[Measured, ...]] = []
    truth = []
    for done, cardinality in enumerate(CARDINALITIES):
        pairs = np.empty((len(rows_an_id), worlds, 2))
        known = []
        for world in range(worlds):
            log, test = drawn(cardinality, cardinality * rows_an_id[-1], seed, world)
            known.append(auc(test.logit, test.label))
            for at, rows in enumerate(rows_an_id):
                pairs[at, world] = judged_pair(matrices(log, test, rows * cardinality), seed + world)
            progress("lesson 4: crossovers", done * worlds + world + 1, len(CARDINALITIES) * worlds)
        truth.append(float(np.mean(known)))
        measured.append(
            tuple(Measured(net=tuple(own[:, 0].tolist()), trees=tuple(own[:, 1].tolist())) for own in pairs)
        )
    return CrossoverSheet(
        release=engine.release.version,
        seed=seed,
        judged=JUDGED,
        rows_an_id=rows_an_id,
        truth=tuple(truth),
        measured=tuple(measured),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """One log's first rows as both models read them: numbers with statistics out of time, ids, labels.

    Attributes:
        log: the rows.
        numbers: float32 ``(N, 7)``.
        stop: rows from here on stop the training.
        test: the judged rows.
        test_numbers: their numbers, with the statistics as of after all N.
    """

    log: Clicks
    numbers: Float32
    stop: int
    test: Clicks
    test_numbers: Float32


def matrices(log: Clicks, test: Clicks, rows: int) -> Matrices:
    """The first rows of a log, each with the counts and smoothed rates of its ids as of just before it."""
    log = Clicks(log.ids[:rows], log.numbers[:rows], log.logit[:rows], log.label[:rows])
    now, after = np.arange(rows), np.full(len(test.label), rows)
    parts, later = [log.numbers], [test.numbers]
    for which in range(2):
        known = TargetStatistics(log.ids[:, which], now, log.label[:, None])
        for ids, at, to in ((log.ids, now, parts), (test.ids, after, later)):
            met, clicked = known.before(ids[:, which], at)
            rate = smoothed_rate(met, clicked[:, 0], log.label.mean(), PRIOR)
            to.append(np.stack([rate, np.log1p(met)], axis=1).astype(np.float32))
    return Matrices(log, np.concatenate(parts, axis=1), int((1 - STOPPING) * rows), test, np.concatenate(later, axis=1))


def judged_pair(rows: Matrices, seed: int) -> tuple[float, float]:
    """AUC of the net and of the trees on the judged rows; both have read the same."""
    most = 1 + int(max(rows.log.ids.max(), rows.test.ids.max()))
    sizes = InputSizes(candidate_dense=rows.numbers.shape[1], candidate_ids=(most, most))

    def part(chosen: slice) -> InputRows:
        inputs: dict[str, Array] = {"candidate_dense": rows.numbers[chosen], "candidate_ids": rows.log.ids[chosen]}
        return InputRows(sizes, inputs, rows.log.label[chosen])

    learn, later = slice(0, rows.stop), slice(rows.stop, None)
    model = train_net(NET, part(learn), part(later), seed=seed, recipe=CROSSOVER_RECIPE)
    of_net = logits(model, sizes, {"candidate_dense": rows.test_numbers, "candidate_ids": rows.test.ids})
    matrix = np.concatenate([rows.numbers, rows.log.ids], axis=1, dtype=np.float32)
    trees = train_trees(
        (matrix[learn], rows.log.label[learn]),
        (matrix[later], rows.log.label[later]),
        columns=COLUMNS,
        categories=COLUMNS[-2:],
        seed=seed,
    )
    of_trees = trees.raw(np.concatenate([rows.test_numbers, rows.test.ids], axis=1, dtype=np.float32))
    return auc(of_net, rows.test.label), auc(of_trees, rows.test.label)


def drawn(cardinality: int, rows: int, seed: int, world: int) -> tuple[Clicks, Clicks]:
    """A world's log and its judged rows."""
    draw = np.random.default_rng([seed, cardinality, world])
    planted = TwoIds(cardinality, rng=draw)
    return planted.draw(rows, rng=draw), planted.draw(JUDGED, rng=draw)
