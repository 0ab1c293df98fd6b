"""The sheet of the widget ``gradient``: sampled gradients beside that of the full softmax, in a planted world.

V = 1,000 items and 8 users with normal vectors, so that logits have unit variance and both the softmax and its
gradient can be had in full; a table of 100,000 positives with Zipf counts, independent of the logits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from shortlist.core.arrays import Float32, Float64, Int64
from shortlist.funnel.engine import Engine
from shortlist.learning.losses.sampled import sampled_softmax_loss
from shortlist.learning.negatives.accidental_hits import accidental_hits
from shortlist.learning.negatives.frequency import CountedFrequency, StreamingFrequency
from shortlist.learning.negatives.hard import HardNegatives
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.negatives.mixed import MixedNegatives
from shortlist.learning.negatives.popularity import PopularityNegatives
from shortlist.learning.negatives.sampler import Negatives, NegativeSampler
from shortlist.learning.negatives.uniform import UniformNegatives
from shortlist.learning.one_thread import one_thread
from shortlist.learning.progress import Progress
from shortlist.lessons.negative_sampling.corrections import CORRECTIONS
from shortlist.lessons.negative_sampling.gradient import SAMPLERS, SIZES, Errors, GradientSheet
from shortlist.workbook.negative_sampling.towers import nearest_rows

__all__ = ["DRAWS", "GradientWorld", "drawn_for", "errors", "make_gradient", "samplers"]

V, WIDTH, USERS, DRAWS = 1_000, 16, 8, 25
TABLE = 100_000

Sampler = NegativeSampler | HardNegatives


class GradientWorld:
    """Items, users, the table of positives, and the full softmax's gradient.

    Attributes:
        items: float64 ``(V + 1, d)``.
        users: float64 ``(USERS, d)``.
        count: int64 ``(V + 1,)``, of each row in the table of positives.
        positive: int64 ``(USERS,)``, drawn from the table.
        full: float64 ``(USERS, d)``, gradient of each user's full softmax loss.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.items = np.vstack([np.zeros((1, WIDTH)), rng.normal(size=(V, WIDTH))]) / WIDTH**0.25
        self.users: Float64 = rng.normal(size=(USERS, WIDTH)) / WIDTH**0.25
        share = 1 / np.arange(1, V + 1)
        count = np.maximum(rng.permutation(TABLE * share / share.sum()), 1).astype(np.int64)
        self.count: Int64 = np.concatenate([[0], count])
        self.table: Int64 = np.repeat(np.arange(V + 1), self.count)
        self.positive: Int64 = rng.choice(self.table, size=USERS)
        self.full = self._full()

    def batch(self, user: int, others: int, rng: np.random.Generator) -> Int64:
        """The user's positive and others of the table, without replacement."""
        rest = self.table[rng.choice(len(self.table) - 1, size=others, replace=False)]
        return np.concatenate([self.positive[user : user + 1], rest])

    def _full(self) -> Float64:
        users = torch.from_numpy(self.users).requires_grad_()
        logit = users @ torch.from_numpy(self.items[1:]).T
        target = torch.from_numpy(self.positive) - 1
        torch.nn.functional.cross_entropy(logit, target, reduction="sum").backward()  # type: ignore[no-untyped-call]
        assert users.grad is not None  # noqa: S101 - it was asked for
        return users.grad.numpy()


def samplers(world: GradientWorld) -> dict[str, Callable[[int], Sampler]]:
    """A sampler for each number of negatives; the keys are those of the widget."""
    counted = InBatchNegatives(CountedFrequency(world.count))
    stream, rng = StreamingFrequency(20_000, hashes=3, rate=0.01), np.random.default_rng(0)
    for _ in range(200):
        stream.update(rng.choice(world.table, size=1_000))
    streamed = InBatchNegatives(stream)

    def hard(m: int) -> Sampler:
        sampler = HardNegatives(V + 1, nearest_rows, hard=m // 2, uniform=m // 2, nearest=100)
        sampler.refresh(world.items.astype(np.float32))
        return sampler

    return {
        "in_batch": lambda _: counted,
        "streamed": lambda _: streamed,
        "popularity": lambda m: PopularityNegatives(world.count, m),
        "mixed": lambda m: MixedNegatives(counted, UniformNegatives(V + 1, m)),
        "hard": hard,
    }


def drawn_for(world: GradientWorld, user: int, sampler: Sampler, m: int, rng: np.random.Generator) -> Negatives:
    """``DRAWS`` draws for a user, a row each: of a batch with ``m`` other places, or of ``m`` negatives."""
    own = world.positive[user : user + 1]
    if isinstance(sampler, HardNegatives):
        vectors: Float32 = np.repeat(world.users[user : user + 1].astype(np.float32), DRAWS, axis=0)
        return sampler.draw(np.repeat(own, DRAWS), vectors, rng)
    drawn = [sampler.draw(world.batch(user, m, rng), rng) for _ in range(DRAWS)]
    return Negatives(
        np.stack([each.row for each in drawn]),
        np.stack([each.log_expected for each in drawn]),
        np.array([each.positive_log_expected[0] for each in drawn]),
    )


def errors(world: GradientWorld, sampler: Sampler, m: int, seed: int) -> dict[str, Errors]:
    """Relative errors of each correction, over the same draws.

    one step = sqrt( mean over users and draws of |g - g_full|² / mean over users of |g_full|² )
    mean     = the same of the mean over draws: what is left when steps average out
    """
    rng = np.random.default_rng([seed, m])
    squares = {kind: np.zeros(2) for kind in CORRECTIONS}
    for user in range(USERS):
        drawn = drawn_for(world, user, sampler, m, rng)
        for kind, correction in CORRECTIONS.items():
            off = _gradients(world, user, correction.apply(drawn, V)) - world.full[user]
            squares[kind] += ((off**2).sum(axis=1).mean(), (off.mean(axis=0) ** 2).sum())
    whole = (world.full**2).sum()
    return {
        kind: Errors(step=float(np.sqrt(one / whole)), mean=float(np.sqrt(mean / whole)))
        for kind, (one, mean) in squares.items()
    }


def make_gradient(engine: Engine, seed: int, progress: Progress) -> GradientSheet:
    """All samplers, sizes and corrections."""
    world = GradientWorld(seed)
    of, done = len(SAMPLERS) * len(SIZES), 0
    found: dict[str, tuple[dict[str, Errors], ...]] = {}
    with one_thread():
        for name, make in samplers(world).items():
            row = []
            for m in SIZES:
                row.append(errors(world, make(m), m, seed))
                done += 1
                progress("lesson 6: gradients", done, of)
            found[name] = tuple(row)
    return GradientSheet(release=engine.release.version, seed=seed, users=USERS, items=V, draws=DRAWS, errors=found)


def _gradients(world: GradientWorld, user: int, drawn: Negatives) -> Float64:
    """The gradient by the user's vector of each draw's loss, ``(draws, d)``: all in one call of the loss."""
    positive = int(world.positive[user])
    vectors = torch.from_numpy(np.repeat(world.users[user : user + 1], len(drawn.row), axis=0)).requires_grad_()
    logit = vectors @ torch.from_numpy(world.items).T
    hits = accidental_hits(np.full(len(drawn.row), positive), drawn.row)
    loss: Tensor = sampled_softmax_loss(
        logit[:, positive],
        logit.gather(1, torch.from_numpy(drawn.row)),
        torch.from_numpy(drawn.log_expected),
        hits=(torch.from_numpy(hits[0]), torch.from_numpy(hits[1])),
    )
    (loss * len(drawn.row)).backward()  # type: ignore[no-untyped-call]
    assert vectors.grad is not None  # noqa: S101 - it was asked for
    return vectors.grad.numpy()
