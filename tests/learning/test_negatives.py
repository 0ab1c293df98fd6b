"""Every sampler's correction is what its draws show; hits are found; streams are counted."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.learning.negatives.accidental_hits import accidental_hits
from shortlist.learning.negatives.distinct import DistinctNegatives
from shortlist.learning.negatives.frequency import CountedFrequency, StreamingFrequency
from shortlist.learning.negatives.hard import HardNegatives
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.negatives.mixed import MixedNegatives
from shortlist.learning.negatives.popularity import PopularityNegatives
from shortlist.learning.negatives.uniform import UniformNegatives


class Exact:
    def __init__(self, vectors):
        self.vectors = vectors

    def search(self, queries, k):
        score = queries @ self.vectors.T
        score[:, 0] = -np.inf
        row = np.argsort(-score, axis=1)[:, :k]
        return np.take_along_axis(score, row, axis=1), row


COUNT = np.array([0, 20, 9, 5, 3, 2, 1, 1])
TABLE = np.repeat(np.arange(8), COUNT)
BATCH = 6
V = 7

UNIFORM = UniformNegatives(V + 1, 9)
POPULARITY = PopularityNegatives(COUNT, 9)
IN_BATCH = InBatchNegatives(CountedFrequency(COUNT))
MIXED = MixedNegatives(IN_BATCH, UNIFORM)
SAMPLERS = {
    "uniform": UNIFORM,
    "popularity": POPULARITY,
    "in-batch": IN_BATCH,
    "mixed": MIXED,
    **{
        f"distinct {name}": DistinctNegatives(sampler)
        for name, sampler in {
            "uniform": UNIFORM,
            "popularity": POPULARITY,
            "in-batch": IN_BATCH,
            "mixed": MIXED,
        }.items()
    },
}


def batches(own, rng, times):
    """Batches cut from a shuffled table, as the positive of row ``own`` at place 0 sees them."""
    others = np.delete(TABLE, np.flatnonzero(own == TABLE)[0])
    for _ in range(times):
        yield np.concatenate([[own], rng.permutation(others)[: BATCH - 1]])


@pytest.mark.statistical
@pytest.mark.parametrize("name", SAMPLERS)
def test_each_drawn_row_over_its_expectation_sums_to_one(name):
    """E[sum of 1 / E_c over the places that hold c] = 1 for every row c but the positive's own.

    4,000 batches, 6 rows, 8 samplers: 48 means within 5 standard errors; false alarms below 1 in 10,000.
    """
    rng, times = np.random.default_rng(1), 4_000
    found = np.zeros((times, V + 1))
    for n, positive in enumerate(batches(2, rng, times)):
        drawn = SAMPLERS[name].draw(positive, rng)
        np.add.at(found[n], drawn.row, np.exp(-drawn.log_expected))
    others = np.array([1, 3, 4, 5, 6, 7])
    error = found[:, others].std(axis=0) / np.sqrt(times)
    assert (np.abs(found[:, others].mean(axis=0) - 1.0) < 5 * error).all()


@pytest.mark.statistical
def test_counts_corrected_by_the_inclusion_probability_are_off():
    """The negative control of the test above: popular rows count several times over; 20 standard errors and more."""
    rng, times = np.random.default_rng(2), 2_000
    inclusion = DistinctNegatives(IN_BATCH)
    weight = np.zeros((times, V + 1))
    for n, positive in enumerate(batches(2, rng, times)):
        right = dict(zip(positive, np.exp(inclusion._log_inclusion(positive, BATCH)), strict=True))
        np.add.at(weight[n], positive, [1 / right[row] for row in positive])
    assert weight[:, 1].mean() - 1.0 > 20 * weight[:, 1].std() / np.sqrt(times)


@pytest.mark.statistical
def test_hard_negatives_expect_what_they_draw():
    """3,000 draws for one user, 30 rows of which 6 are nearest: all within 5 standard errors; false alarms < 1e-4."""
    rng, times = np.random.default_rng(3), 3_000
    vectors = rng.normal(size=(31, 4)).astype(np.float32)
    vectors[0] = 0
    sampler = HardNegatives(31, Exact, hard=5, uniform=10, nearest=6)
    with pytest.raises(DataError, match="no index"):
        sampler.draw(np.array([1]), vectors[:1], rng)
    sampler.refresh(vectors)
    user = np.tile(rng.normal(size=4).astype(np.float32), (times, 1))
    drawn = sampler.draw(np.ones(times, np.int64), user, rng)
    assert drawn.row.shape == (times, 15)
    assert not drawn.shared
    found = np.zeros((times, 31))
    np.add.at(found, (np.arange(times)[:, None], drawn.row), np.exp(-drawn.log_expected))
    error = found[:, 1:].std(axis=0) / np.sqrt(times)
    assert (np.abs(found[:, 1:].mean(axis=0) - 1.0) < 5 * error).all()
    nearest = np.argsort(-(vectors[1:] @ user[0]))[:6] + 1
    assert np.isin(drawn.row[:, :5], nearest).all()


def test_hard_negatives_follow_the_model_when_refreshed():
    eye = np.vstack([np.zeros(4), np.eye(4)]).astype(np.float32)
    sampler = HardNegatives(5, Exact, hard=3, uniform=1, nearest=1)
    user, rng = np.eye(4, dtype=np.float32)[:1], np.random.default_rng(0)
    sampler.refresh(eye)
    assert sampler.draw(np.array([2]), user, rng).row[0, :3].tolist() == [1, 1, 1]
    sampler.refresh(eye[[0, 4, 1, 2, 3]])
    assert sampler.draw(np.array([2]), user, rng).row[0, :3].tolist() == [2, 2, 2]


def test_a_place_that_the_index_could_not_fill_weighs_nothing():
    class Short:
        def search(self, queries, k):
            return np.zeros((1, 2), np.float32), np.array([[3, 0]])

    sampler = HardNegatives(5, lambda vectors: Short(), hard=40, uniform=1, nearest=2)
    sampler.refresh(np.zeros((5, 2), np.float32))
    drawn = sampler.draw(np.array([1]), np.zeros((1, 2), np.float32), np.random.default_rng(0))
    assert np.isposinf(drawn.log_expected[drawn.row == 0]).all()
    assert (drawn.row == 0).any()
    assert np.isfinite(drawn.log_expected[drawn.row > 0]).all()


def test_mixed_expectations_add_up_whoever_drew():
    both = np.exp(MIXED.log_expected(np.arange(1, 8), BATCH))
    apart = [np.exp(s.log_expected(np.arange(1, 8), BATCH)) for s in (IN_BATCH, UNIFORM)]
    np.testing.assert_allclose(both, sum(apart), rtol=1e-12)


def test_popularity_never_draws_the_unknown_or_the_unmet():
    sampler = PopularityNegatives(np.array([9, 0, 3, 0]), 200)
    assert set(sampler.draw(np.array([2]), np.random.default_rng(0)).row.tolist()) == {2}
    with pytest.raises(DataError, match="no item has a count"):
        PopularityNegatives(np.zeros(4), 3)


def test_hits_are_the_pairs_of_a_full_comparison():
    rng = np.random.default_rng(4)
    positive, row = rng.integers(0, 9, 40), rng.integers(0, 12, 30)
    for drawn in (row, rng.integers(0, 12, (40, 5))):
        b, c = accidental_hits(positive, drawn)
        expected = positive[:, None] == (drawn if drawn.ndim == 2 else drawn[None])
        assert sorted(zip(b.tolist(), c.tolist(), strict=True)) == list(map(tuple, np.argwhere(expected).tolist()))
        assert (np.diff(b) >= 0).all()


@pytest.mark.statistical
def test_a_stream_is_estimated_and_its_drift_followed():
    """60 rows, Zipf: relative error within 6 · sqrt(α / (2 - α)) = .43 for 60 rows; a false alarm is below 1 in 1,000.

    Then the order of popularity is turned round, and the estimates turn with it.
    """
    rng, rate = np.random.default_rng(5), 0.01
    q = 1 / np.arange(1, 61)
    q /= q.sum()
    stream = StreamingFrequency(5_000, hashes=3, rate=rate)
    for order in (np.arange(60), np.arange(60)[::-1]):
        for _ in range(1_500):
            stream.update(rng.choice(60, size=100, p=q[order]) + 1)
        estimate = stream.q(np.arange(1, 61))
        assert (np.abs(estimate / q[order] - 1) < 6 * np.sqrt(rate / (2 - rate))).all()
    np.testing.assert_allclose(stream.expected(np.array([60]), 99), 99 * stream.q(np.array([60])))


def test_an_item_that_is_in_every_batch_does_not_saturate():
    """Two thirds of every batch: a gap counted in batches would be 1 and its chance 1."""
    stream = StreamingFrequency(64, rate=0.1)
    for _ in range(100):
        stream.update(np.array([1, 1, 2]))
    np.testing.assert_allclose(stream.q(np.array([1, 2])), [2 / 3, 1 / 3], rtol=1e-9)
    assert stream.q(np.array([3]))[0] < 1 / 300


def test_several_hash_functions_take_the_longest_gap():
    """399 rows share 500 buckets: with one hash function a fifth of them count a neighbour's positives as their own."""
    rows, rng = np.arange(1, 400), np.random.default_rng(6)
    off = {}
    for hashes in (1, 4):
        stream = StreamingFrequency(500, hashes=hashes, rate=0.02)
        for _ in range(400):
            stream.update(rng.integers(1, 400, size=100))
        off[hashes] = np.mean(stream.q(rows) * 399 > 1.5)
    assert off[1] > 0.15
    assert off[4] < 0.03
