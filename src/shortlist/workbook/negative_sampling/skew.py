"""The sheet of the widget ``logq``: what the correction does to head and tail, in a planted world and on real likes."""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.evaluation.bootstrap import paired_interval
from shortlist.funnel.engine import Engine
from shortlist.learning.negatives.frequency import CountedFrequency
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.negatives.mixed import MixedNegatives
from shortlist.learning.negatives.sampler import NegativeSampler
from shortlist.learning.negatives.uniform import UniformNegatives
from shortlist.learning.progress import Progress
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.lessons.negative_sampling.logq import KS, SAMPLERS, Lists, SkewSheet, SkewWorld
from shortlist.workbook.negative_sampling.likes import Likes, planted_likes, release_likes
from shortlist.workbook.negative_sampling.towers import RECIPE, Weighed, ranks, scores, train

__all__ = ["RECIPES", "UNIFORM", "make_skew", "sampler_of"]

UNIFORM = 64
"""Uniform negatives of the mixed sampler."""
RECIPES = {"planted": msgspec.structs.replace(RECIPE, epochs=3), "release": msgspec.structs.replace(RECIPE, epochs=2)}


def make_skew(engine: Engine, seed: int, progress: Progress) -> SkewSheet:
    """Train towers for each world, sampler and correction, and look at their lists."""
    worlds = {"planted": planted_likes(engine, seed), "release": release_likes(engine, seed)}
    of, done = len(worlds) * len(SAMPLERS) * len(CORRECTIONS), 0
    found: dict[str, SkewWorld] = {}
    for name, likes in worlds.items():
        lists: dict[str, Lists] = {}
        for sampler in SAMPLERS:
            right: Int64 | None = None
            for kind, correction in CORRECTIONS.items():
                negatives = Weighed(sampler_of(sampler, likes), correction, likes.n_rows - 1)
                score = scores(train(likes, negatives, RECIPES[name], seed), likes)
                rank = ranks(score, likes.looked_for)
                right = rank if right is None else right
                lists[f"{sampler}-{kind}"] = _lists(score, rank, right, likes, seed)
                done += 1
                progress("lesson 6: log-Q", done, of)
        found[name] = _world(likes, lists, seed)
    return SkewSheet(release=engine.release.version, seed=seed, worlds=found)


def sampler_of(name: str, likes: Likes) -> NegativeSampler:
    """``in_batch``, or ``mixed`` with as many uniform negatives as ``UNIFORM`` says."""
    in_batch = InBatchNegatives(CountedFrequency(likes.examples.counts(likes.n_rows)))
    if name == "in_batch":
        return in_batch
    return MixedNegatives(in_batch, UniformNegatives(likes.n_rows, UNIFORM))


def _world(likes: Likes, lists: dict[str, Lists], seed: int) -> SkewWorld:
    ideal = None
    if likes.chance is not None:
        score = np.where(likes.left_out, -np.inf, likes.chance)
        rank = ranks(score, likes.looked_for)
        ideal = _lists(score, rank, rank, likes, seed)
    count = likes.examples.counts(likes.n_rows)
    return SkewWorld(
        lists=lists,
        ideal=ideal,
        users=len(likes.looked_for),
        items=likes.n_rows - 1,
        positives=len(likes.examples),
        head_items=int(likes.head.sum()),
        head_wanted=float(likes.head[likes.looked_for].mean()),
        likes_wanted=float(count[likes.looked_for].mean()),
    )


def _lists(score: Float64, rank: Int64, right: Int64, likes: Likes, seed: int) -> Lists:
    """Recall of what is looked for, what the lists hold, and the tail's difference to the corrected lists."""
    head: Bool = likes.head[likes.looked_for]
    top = np.argsort(-score, axis=1, kind="stable")[:, : KS[-1]]
    so_far = np.arange(1, KS[-1] + 1)
    held = np.cumsum(likes.head[top], axis=1).mean(axis=0) / so_far
    liked = np.cumsum(likes.examples.counts(likes.n_rows)[top], axis=1).mean(axis=0) / so_far
    user = np.nonzero(~head)[0]
    differences = []
    for k in KS:
        found = paired_interval((rank < k)[~head], (right < k)[~head], user, rng=seed, draws=200)
        differences.append((found.estimate, found.low, found.high))
    return Lists(
        all=tuple(float((rank < k).mean()) for k in KS),
        head=tuple(float((rank < k)[head].mean()) for k in KS),
        tail=tuple(float((rank < k)[~head].mean()) for k in KS),
        head_share=tuple(float(held[k - 1]) for k in KS),
        likes=tuple(float(liked[k - 1]) for k in KS),
        tail_difference=tuple(differences),
    )
