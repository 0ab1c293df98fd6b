"""Lesson 4's figures anew: models trained again, their AUC counted over pairs, crossovers and contributions by hand."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import rankdata, t

from shortlist.core.columns import P_LIKE_RAW, RANK_SCORE, ROW
from shortlist.core.request import RequestBatch
from shortlist.lessons.ranking_model.crossover import CARDINALITIES
from shortlist.lessons.ranking_model.models import FEATURES, MODELS
from shortlist.lessons.ranking_model.parts import REQUESTS
from shortlist.lessons.the_funnel.held_out import held_out_requests
from shortlist.ranking.input_sizes import InputSizes
from shortlist.workbook.ranking_model import beside, crossovers, depths
from shortlist.workbook.ranking_model.log_rows import log_rows
from shortlist.workbook.ranking_model.trained import logits, train_net

SEED = 0
_done = {}


def once(engine, key, make):
    """A training is repeated once an engine, however many figures are read off it."""
    held = _done.setdefault(id(engine), (engine, {}))[1]
    if key not in held:
        held[key] = make()
    return held[key]


def pairs_won(score, label):
    """AUC as Mann and Whitney's count of pairs, from the ranks of the positives."""
    positive = label > 0
    n = positive.sum()
    return (rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * (len(label) - n))


def fitted(engine, values):
    name, features = MODELS[values["model"]], FEATURES[values["features"]]
    rows = once(engine, "rows", lambda: log_rows(engine))
    return rows, *once(engine, (name, features), lambda: beside.fitted(name, features, rows, SEED)[:2])


def models_auc(engine, values):
    rows, score, _ = fitted(engine, values)
    return f"{pairs_won(score, rows.label[rows.judged :]):.3f}"


def models_gain(engine, values):
    rows, score, _ = fitted(engine, values)
    of_lr = fitted(engine, {**values, "model": 0})[1]
    sign = 1 - 2 * rows.label[rows.judged :]
    return f"{(np.logaddexp(0, sign * of_lr) - np.logaddexp(0, sign * score)).mean():+z.3f}"


def depth_auc(engine, order, layers):
    sizes = InputSizes(candidate_dense=depths.SWITCHES)

    def make():
        learn, later, test = depths.planted_rows(order + 2, SEED)
        rows = [depths.InputRows(sizes, {"candidate_dense": part[0]}, part[2]) for part in (learn, later)]
        model = train_net(depths.cross_network(layers), *rows, seed=SEED, recipe=depths.DEPTH_RECIPE)
        score = logits(model, sizes, {"candidate_dense": test[0]})
        return pairs_won(score, test[2]), pairs_won(test[1], test[2])

    return once(engine, ("depth", order, layers), make)


def depth_enough(engine, values):
    for layers in range(5):
        auc, truth = depth_auc(engine, values["order"], layers)
        if auc - 0.5 > 0.5 * (truth - 0.5):
            return str(layers)
    return "none"


def differences(engine, ids):
    """The net's AUC less that of the trees: a row a world, a column a size of the small release's sheet."""
    n, sizes = CARDINALITIES[ids], (10, 20)

    def make():
        found = []
        for world in range(crossovers.WORLDS_OF_A_SMALL_RELEASE):
            log, test = crossovers.drawn(n, n * sizes[-1], SEED, world)
            two = (crossovers.judged_pair(crossovers.matrices(log, test, n * size), SEED + world) for size in sizes)
            found.append([net - trees for net, trees in two])
        return np.array(found)

    return once(engine, ("crossover", ids), make)


def crossover_at(engine, values):
    few, many = differences(engine, values["ids"]).mean(axis=0)
    if max(few, many) <= 0:
        return "not reached"
    return "before the first" if few > 0 else f"{10 * 2 ** (-few / (many - few)):,.0f}"


def crossover_gap(engine, values):
    return f"{differences(engine, values['ids']).mean(axis=0)[values['size']]:+z.3f}"


def gap_interval(engine, ids, size):
    found = differences(engine, ids)[:, size]
    half = t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / math.sqrt(len(found))
    return found.mean() - half, found.mean() + half


def two_rows(engine, values):
    """The request, and both candidates as the funnel ranks them."""
    requests, _ = held_out_requests(engine)
    request = requests[int(np.linspace(0, len(requests) - 1, min(REQUESTS, len(requests)))[values["request"] - 1])]
    scored = engine.feed.funnel.run(RequestBatch.of(request), patient=True).scored
    ranked = np.argsort(-scored[RANK_SCORE], kind="stable")
    here = values["place"] - 1
    there = len(ranked) // 2 if values["beside"] == 0 else here + 1
    return request, scored, ranked[here], ranked[there]


def parts_difference(engine, values):
    _, scored, here, there = two_rows(engine, values)
    p = scored[P_LIKE_RAW]
    return f"{math.log(p[here] / (1 - p[here])) - math.log(p[there] / (1 - p[there])):+z.3f}"


def parts_largest(engine, values):
    """The pages' ranker adds parts up and takes 1.6 of the sum."""
    request, scored, here, there = two_rows(engine, values)
    row = scored[ROW] - 1
    parts = engine.feed.funnel.scorers[0].component.parts.values()
    gaps = [1.6 * (part[request.user, row[here]] - part[request.user, row[there]]) for part in parts]
    return f"{max(gaps, key=abs):+z.3f}"


RECOMPUTED = {
    ("models", "auc"): models_auc,
    ("models", "gain"): models_gain,
    ("models", "parameters"): lambda engine, values: f"{fitted(engine, values)[2]:,}",
    ("depth", "auc"): lambda engine, values: f"{depth_auc(engine, values['order'], values['layers'])[0]:.3f}",
    ("depth", "enough"): depth_enough,
    ("crossover", "at"): crossover_at,
    ("crossover", "gap"): crossover_gap,
    ("parts", "difference"): parts_difference,
    ("parts", "largest"): parts_largest,
}
