"""Lesson 6's figures, worked out anew: gradients by their closed form, trainings repeated, lists and hits counted by hand."""

from __future__ import annotations

from functools import cache

import numpy as np

from shortlist.learning.fit_towers import item_vectors
from shortlist.learning.tower_examples import epoch_batches
from shortlist.lessons.negative_sampling import batch, gradient, hard, logq
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.workbook.negative_sampling import gradients
from shortlist.workbook.negative_sampling.batches import loss_bytes
from shortlist.workbook.negative_sampling.hard import HARD_RECIPE, negatives_of
from shortlist.workbook.negative_sampling.likes import planted_likes, release_likes
from shortlist.workbook.negative_sampling.skew import RECIPES, sampler_of
from shortlist.workbook.negative_sampling.towers import RECIPE, Weighed, train, user_vectors

SEED = 0


def sampled_gradient(world, user, row, weight):
    """The gradient of log(e^s + sum of w_c e^s_c) - s by the user's vector, hits left out."""
    positive = world.positive[user]
    row, weight = row[row != positive], weight[row != positive]
    pull = np.exp(world.items[np.append(row, positive)] @ world.users[user]) * np.append(weight, 1.0)
    return pull / pull.sum() @ world.items[np.append(row, positive)] - world.items[positive]


def full_gradient(world, user):
    every = np.arange(1, len(world.items))
    return sampled_gradient(world, user, every, np.ones(len(every)))


@cache
def gradient_error(sampler, m, kind):
    world = gradients.GradientWorld(SEED)
    made = gradients.samplers(world)[sampler](m)
    rng, off, whole = np.random.default_rng([SEED, m]), 0.0, 0.0
    for user in range(len(world.users)):
        drawn = CORRECTIONS[kind].apply(gradients.drawn_for(world, user, made, m, rng), len(world.items) - 1)
        each = [
            sampled_gradient(world, user, row, np.exp(-log))
            for row, log in zip(drawn.row, drawn.log_expected, strict=True)
        ]
        full = full_gradient(world, user)
        off += ((np.mean(each, axis=0) - full) ** 2).sum()
        whole += (full**2).sum()
    return np.sqrt(off / whole)


def _gradient(kind):
    def recomputed(engine, values):
        return f"{gradient_error(tuple(gradient.SAMPLERS)[values['sampler']], 2 ** values['power'], kind):.3f}"

    return recomputed


def lists(model, likes, k):
    """The first k items of each user, the best first."""
    score = user_vectors(model, likes).astype(float) @ item_vectors(model).numpy().astype(float).T
    score[likes.left_out] = -np.inf
    return np.argsort(-score, axis=1)[:, :k]


def recall(lists, likes, wanted=lambda row: True):
    pairs = [
        (row, set(shown))
        for shown, liked in zip(lists.tolist(), likes.looked_for.tolist(), strict=True)
        for row in liked
        if wanted(row)
    ]
    return sum(row in shown for row, shown in pairs) / len(pairs)


_trained = {}


def _once(engine, key, make):
    """A training is repeated once an engine, however many figures are read off it."""
    if key not in (held := _trained.setdefault(id(engine), (engine, {}))[1]):
        held[key] = make()
    return held[key]


def _logq(figure):
    def recomputed(engine, values):
        world = tuple(logq.WORLDS)[values["world"]]
        sampler, kind = tuple(logq.SAMPLERS)[values["sampler"]], tuple(CORRECTIONS)[values["kind"]]
        likes = (planted_likes if world == "planted" else release_likes)(engine, SEED)

        def make():
            negatives = Weighed(sampler_of(sampler, likes), CORRECTIONS[kind], likes.n_rows - 1)
            return train(likes, negatives, RECIPES[world], SEED)

        return figure(_once(engine, (world, sampler, kind), make), likes, values["k"])

    return recomputed


def _tail(model, likes, k):
    count = np.bincount(likes.examples.liked[likes.examples.at], minlength=likes.n_rows)
    head, held = set(), 0
    for row in np.argsort(-count, kind="stable").tolist():
        if held > count.sum() / 2:
            break
        head.add(row)
        held += count[row]
    return f"{recall(lists(model, likes, k), likes, lambda row: row not in head):.1%}"


def _likes(model, likes, k):
    count = np.bincount(likes.examples.liked[likes.examples.at], minlength=likes.n_rows)
    return f"{count[lists(model, likes, k)].mean():.1f}"


def _hard(figure):
    def recomputed(engine, values):
        likes = release_likes(engine, SEED)
        negatives = negatives_of(likes, hard.KINDS[values["kind"]], values["share"])
        made = _once(engine, ("hard", *values.values()), lambda: train(likes, negatives, HARD_RECIPE, SEED))
        return figure(made, likes, negatives)

    return recomputed


def _false(liked):
    def figure(model, likes, negatives):
        negatives.refresh(item_vectors(model).numpy())
        row = negatives.draw(likes.looked_for[:, 0], user_vectors(model, likes), np.random.default_rng(SEED)).row
        return np.mean([item in liked(likes, user) for user, own in enumerate(row.tolist()) for item in own])

    return figure


def _before(likes, user):
    return set(np.flatnonzero(likes.left_out[user]).tolist())


def _later(likes, user):
    return set(likes.looked_for[user].tolist())


def _counted(engine, size):
    """Hits and different items a positive, over the first pass."""
    likes = planted_likes(engine, SEED)
    hits = distinct = 0
    for chosen in epoch_batches(len(likes.examples), size, seed=SEED, epoch=0):
        rows = likes.examples.liked[likes.examples.at[chosen]].tolist()
        hits += sum(rows.count(row) - 1 for row in rows)
        distinct += len(rows) * len(set(rows))
    return hits / len(likes.examples), distinct / len(likes.examples)


def _batch_recall(engine, values):
    likes, size = planted_likes(engine, SEED), 2 ** values["power"]
    recipe = type(RECIPE)(**{**{f: getattr(RECIPES["planted"], f) for f in RECIPE.__struct_fields__}, "batch": size})
    return f"{recall(lists(train(likes, sampler_of('in_batch', likes), recipe, SEED), likes, 20), likes):.1%}"


def _bytes(way):
    return lambda _, values: f"{loss_bytes(2 ** values['power'], SEED, way) / batch.MEGA:.1f}"


RECOMPUTED = {
    ("gradient", "mean-corrected"): _gradient("corrected"),
    ("gradient", "mean-uncorrected"): _gradient("uncorrected"),
    ("logq", "all"): _logq(lambda model, likes, k: f"{recall(lists(model, likes, k), likes):.1%}"),
    ("logq", "tail"): _logq(_tail),
    ("logq", "likes"): _logq(_likes),
    ("hard", "recall-100"): _hard(lambda model, likes, _: f"{recall(lists(model, likes, 100), likes):.1%}"),
    ("hard", "before"): _hard(lambda *made: f"{_false(_before)(*made):.1%}"),
    ("hard", "later"): _hard(lambda *made: f"{_false(_later)(*made):.2%}"),
    ("batch", "hits"): lambda engine, values: f"{_counted(engine, 2 ** values['power'])[0]:.1f}",
    ("batch", "distinct"): lambda engine, values: f"{_counted(engine, 2 ** values['power'])[1]:.0f}",
    ("batch", "recall-20"): _batch_recall,
    ("batch", "whole-mb"): _bytes("whole"),
    ("batch", "chunked-mb"): _bytes("chunked"),
}
