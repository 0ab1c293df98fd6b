"""The sheet of the widget ``batch``: what a batch size gives, and what it costs with and without the chunks."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shortlist.core.arrays import Int64
from shortlist.funnel.engine import Engine
from shortlist.learning.chunked_softmax import chunked_softmax_loss
from shortlist.learning.losses.sampled import sampled_softmax_loss
from shortlist.learning.negatives.accidental_hits import accidental_hits
from shortlist.learning.one_thread import one_thread
from shortlist.learning.progress import Progress
from shortlist.learning.tower_examples import epoch_batches
from shortlist.lessons.negative_sampling.batch import SIZES, WIDTH, BatchSheet, BatchSize, Cost
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.workbook.negative_sampling.gradients import GradientWorld, errors, samplers
from shortlist.workbook.negative_sampling.likes import Likes, planted_likes
from shortlist.workbook.negative_sampling.peak_bytes import peak_bytes
from shortlist.workbook.negative_sampling.skew import RECIPES, sampler_of
from shortlist.workbook.negative_sampling.towers import Weighed, ranks, scores, train

__all__ = ["first_pass", "loss_bytes", "make_batch", "softmax_work"]

TURNS = 3
TEMPERATURE = 0.2


def make_batch(engine: Engine, seed: int, progress: Progress) -> BatchSheet:
    """For each size: a training with as many passes, gradients, and the softmax alone with its time and memory."""
    likes, world = planted_likes(engine, seed), GradientWorld(seed)
    in_batch = samplers(world)["in_batch"]
    recipe = RECIPES["planted"]
    found = []
    for n, size in enumerate(SIZES):
        negatives = Weighed(sampler_of("in_batch", likes), CORRECTIONS["corrected"], likes.n_rows - 1)
        model = train(likes, negatives, msgspec.structs.replace(recipe, batch=size), seed)
        rank = ranks(scores(model, likes), likes.looked_for)
        others, hits, distinct = first_pass(likes, size, seed)
        with one_thread():
            error = errors(world, in_batch(size - 1), size - 1, seed)
            whole, chunked = _costs(size, seed)
        found.append(
            BatchSize(
                steps=-(-len(likes.examples) // size),
                others=others,
                hits=hits,
                distinct=distinct,
                recall_20=float((rank < 20).mean()),
                error_step=error["corrected"].step,
                error_mean=error["corrected"].mean,
                whole=whole,
                chunked=chunked,
            )
        )
        progress("lesson 6: batches", n + 1, len(SIZES))
    return BatchSheet(
        release=engine.release.version,
        seed=seed,
        users=len(likes.looked_for),
        items=likes.n_rows - 1,
        positives=len(likes.examples),
        passes=recipe.epochs,
        sizes=tuple(found),
    )


def first_pass(likes: Likes, size: int, seed: int) -> tuple[float, float, float]:
    """Over the first pass's batches, a positive: other places, those that hold its own item, items in the batch."""
    others = hits = distinct = 0
    for chosen in epoch_batches(len(likes.examples), size, seed=seed, epoch=0):
        positive: Int64 = likes.examples.batch(chosen, 1)[1]
        others += len(chosen) * (len(chosen) - 1)
        hits += len(accidental_hits(positive, positive)[0]) - len(chosen)
        distinct += len(chosen) * len(np.unique(positive))
    n = len(likes.examples)
    return others / n, hits / n, distinct / n


def softmax_work(size: int, seed: int) -> dict[str, Callable[[], Tensor]]:
    """The loss of one batch of unit vectors, by way: all logits at once, or some rows at a time."""
    source = torch.Generator().manual_seed(seed)
    user, item = (functional.normalize(torch.randn(size, WIDTH, generator=source), dim=1) for _ in range(2))
    user.requires_grad_()
    item.requires_grad_()
    log_expected, place = torch.zeros(size), torch.arange(size)

    def whole() -> Tensor:
        own = (user * item).sum(dim=1) / TEMPERATURE
        return sampled_softmax_loss(own, user @ item.T / TEMPERATURE, log_expected, hits=(place, place))

    def chunked() -> Tensor:
        return chunked_softmax_loss(user, item, item, log_expected, hits=(place, place), temperature=TEMPERATURE)

    return {"whole": whole, "chunked": chunked}


def loss_bytes(size: int, seed: int, way: str) -> int:
    """The most that the loss's tensors hold at one moment, forward and backward; the vectors themselves not counted."""
    loss = softmax_work(size, seed)[way]
    return peak_bytes(lambda: loss().backward())  # type: ignore[no-untyped-call]


def _costs(size: int, seed: int) -> tuple[Cost, Cost]:
    """Forward and backward, in turns; the first turn warms up and is not timed."""
    ways = softmax_work(size, seed)
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(TURNS + 1):
        for way, loss in ways.items():
            began = time.process_time()
            loss().backward()  # type: ignore[no-untyped-call]
            took[way].append(time.process_time() - began)
    whole, chunked = (
        Cost(rows_a_second=size / float(np.median(took[way][1:])), peak_bytes=loss_bytes(size, seed, way))
        for way in ways
    )
    return whole, chunked
