"""The log-Q correction: sampled gradients go to those of the full softmax, and only with the right correction.

The world: V = 1,000 items, 8 users, logits u·v of independent standard normal vectors scaled to unit variance; a
table of 100,000 positives with Zipf counts n_c ∝ 1 / rank, ranks independent of the logits; each user's positive
drawn from the table. The figure: the norm of the difference between the mean gradient over 40 draws and that of the
full softmax, over the norm of the latter, with respect to the user's vector; root mean square over the users.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shortlist.learning.losses.sampled import sampled_softmax_loss
from shortlist.learning.negatives.accidental_hits import accidental_hits
from shortlist.learning.negatives.distinct import DistinctNegatives
from shortlist.learning.negatives.frequency import CountedFrequency, StreamingFrequency
from shortlist.learning.negatives.hard import HardNegatives
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.negatives.mixed import MixedNegatives
from shortlist.learning.negatives.popularity import PopularityNegatives
from shortlist.learning.negatives.sampler import Negatives
from shortlist.learning.negatives.uniform import UniformNegatives

V, WIDTH, USERS, DRAWS = 1_000, 16, 8, 40
SIZES = (10, 100, 1_000)


class World:
    def __init__(self):
        rng = np.random.default_rng(11)
        self.items = torch.from_numpy(np.vstack([np.zeros((1, WIDTH)), rng.normal(size=(V, WIDTH))])) / WIDTH**0.25
        self.users = torch.from_numpy(rng.normal(size=(USERS, WIDTH))) / WIDTH**0.25
        share = 1 / np.arange(1, V + 1)
        self.count = np.concatenate([[0], np.maximum(rng.permutation(100_000 * share / share.sum()), 1).astype(int)])
        self.table = np.repeat(np.arange(V + 1), self.count)
        self.positive = rng.choice(self.table, size=USERS)
        self.known = {}

    def full(self):
        users = self.users.clone().requires_grad_()
        target = torch.from_numpy(self.positive) - 1
        torch.nn.functional.cross_entropy(users @ self.items[1:].T, target, reduction="sum").backward()
        return users.grad

    def batch(self, user, size, rng):
        """The user's positive and ``size`` others of the shuffled table."""
        others = rng.choice(len(self.table) - 1, size=size, replace=False)
        return np.concatenate([self.positive[user : user + 1], self.table[others]])

    def error(self, name, size, change):
        """Worked out once, however many tests ask."""
        if (name, size, change) not in self.known:
            self.known[name, size, change] = self._error(SAMPLERS[name](self, size), size, change)
        return self.known[name, size, change]

    def _error(self, sampler, size, change):
        rng = np.random.default_rng([0, size])
        mean = torch.zeros_like(self.users)
        for user in range(USERS):
            vector = self.users[user : user + 1]
            drawn = []
            for _ in range(DRAWS):
                positive = self.batch(user, size, rng)
                if isinstance(sampler, HardNegatives):
                    one = sampler.draw(positive[:1], vector.numpy().astype(np.float32), rng)
                    one = Negatives(one.row[0], one.log_expected[0], one.positive_log_expected)
                else:
                    one = sampler.draw(positive, rng)
                drawn.append(change(one))
            mean[user] = self._gradient(vector, self.positive[user], drawn)
        full = self.full()
        return float((mean - full).norm() / full.norm())

    def _gradient(self, vector, positive, drawn):
        """The mean over draws, which are the rows of one batch; of one that holds fewer, places hold nothing."""
        longest = max(len(one.row) for one in drawn)
        row, log_expected = np.zeros((len(drawn), longest), dtype=np.int64), np.full((len(drawn), longest), np.inf)
        for at, one in enumerate(drawn):
            row[at, : len(one.row)], log_expected[at, : len(one.row)] = one.row, one.log_expected
        free = vector.clone().requires_grad_()
        hits = tuple(map(torch.from_numpy, accidental_hits(np.full(len(drawn), positive), row)))
        own = free @ self.items[positive] - torch.tensor([one.positive_log_expected[0] for one in drawn])
        logit = (free @ self.items.T)[0, torch.from_numpy(row)]
        sampled_softmax_loss(own, logit, torch.from_numpy(log_expected), hits=hits).backward()
        return free.grad[0]


class Exact:
    def __init__(self, vectors):
        self.vectors = vectors

    def search(self, queries, k):
        score = queries @ self.vectors.T
        score[:, 0] = -np.inf
        return score, np.argsort(-score, axis=1)[:, :k]


def hard(world, m):
    sampler = HardNegatives(V + 1, Exact, hard=m // 2, uniform=m // 2, nearest=100)
    sampler.refresh(world.items.numpy().astype(np.float32))
    return sampler


def streaming(world, m):
    frequency, rng = StreamingFrequency(20_000, hashes=3, rate=0.01), np.random.default_rng(0)
    for _ in range(400):
        frequency.update(rng.choice(world.table, size=500))
    return InBatchNegatives(frequency)


def in_batch(world, m):
    return InBatchNegatives(CountedFrequency(world.count))


SAMPLERS = {
    "uniform": lambda world, m: UniformNegatives(V + 1, m),
    "popularity": lambda world, m: PopularityNegatives(world.count, m),
    "in-batch": in_batch,
    "in-batch, streamed frequencies": streaming,
    "mixed": lambda world, m: MixedNegatives(in_batch(world, m), UniformNegatives(V + 1, m)),
    "distinct mixed": lambda world, m: DistinctNegatives(
        MixedNegatives(in_batch(world, m), UniformNegatives(V + 1, m))
    ),
    "hard": hard,
}


def alone(drawn):
    """The positive keeps weight 1: nobody drew it."""
    return Negatives(drawn.row, drawn.log_expected, np.zeros_like(drawn.positive_log_expected))


def uncorrected(drawn):
    """All drawn rows count alike, scaled as if they were uniform, so that only the skew is left uncorrected."""
    flat = np.full_like(drawn.log_expected, np.log(len(drawn.row) / V))
    return alone(Negatives(drawn.row, flat, drawn.positive_log_expected))


def wrong_sign(drawn):
    flat = np.log(len(drawn.row) / V)
    return alone(Negatives(drawn.row, 2 * flat - drawn.log_expected, drawn.positive_log_expected))


def as_if_drawn(drawn):
    """Yi et al. 2019, equation 5: the positive is divided by its own expectation as well."""
    return drawn


@pytest.fixture(scope="module")
def world():
    return World()


def errors(world, name, change):
    return [world.error(name, m, change) for m in SIZES]


@pytest.mark.statistical
@pytest.mark.parametrize("name", SAMPLERS)
def test_corrected_gradients_go_to_those_of_the_full_softmax(world, name):
    """Each tenfold m cuts the error to a third; streamed frequencies bring an error of their own, 7% an item.

    Over 12 other seeds the ratios' means were at most .395 and .338 (streamed: .525), with standard deviations below
    .059 and .057 (.055): the bounds are five of them away, a false alarm has a chance below 1e-5.
    """
    small, middle, large = errors(world, name, alone)
    assert middle < 0.65 * small
    assert large < (0.85 if "streamed" in name else 0.65) * middle


@pytest.mark.statistical
@pytest.mark.parametrize("name", ["popularity", "in-batch", "mixed", "hard"])
def test_without_the_correction_more_samples_do_not_help_and_the_wrong_sign_is_worse(world, name):
    """Negative controls: the uncorrected error stays where it is, several times the corrected one.

    Over 12 other seeds: large over middle .957 (sd .024) or more, over the corrected one 7.0 (sd .9) or more, wrong
    sign over none 1.25 (sd .001) or more: bounds five standard deviations away, false alarms below 1e-5.
    """
    right = world.error(name, 1_000, alone)
    middle, large = (world.error(name, m, uncorrected) for m in SIZES[1:])
    wrong = world.error(name, 1_000, wrong_sign)
    assert large > 0.8 * middle
    assert large > 2.5 * right
    assert wrong > 1.1 * large


@pytest.mark.statistical
@pytest.mark.parametrize("name", ["uniform", "hard"])
def test_the_positive_was_not_drawn_and_keeps_weight_one(world, name):
    """Dividing the positive by its own expectation too costs most where few are drawn.

    Over 12 other seeds the ratio was .746 (sd .026) uniform and .528 (.028) hard; false alarms below 1e-5.
    """
    assert world.error(name, 10, alone) < 0.9 * world.error(name, 10, as_if_drawn)
