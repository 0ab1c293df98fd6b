"""Hashed ids: the same everywhere, spread evenly, with collisions counted as they are and as they should be."""

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.features.hashing import collision_report, hashed_ids, pair_keys


def splitmix(z):
    """The finaliser in plain integers."""
    mask = 2**64 - 1
    z = (z + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_the_hash_is_the_published_one():
    keys = [0, 1, 2**40, 2**63 - 1]
    assert hashed_ids(np.array(keys), 1_000).tolist() == [splitmix(key) % 1_000 + 1 for key in keys]
    assert splitmix(0) == 0xE220A8397B1DCDAF  # the first number of SplitMix64 from the seed 0


def test_unknown_is_0_and_salts_part_features():
    keys = np.arange(-3, 1_000)
    a, b = hashed_ids(keys, 50), hashed_ids(keys, 50, salt=1)
    assert a[:3].tolist() == [0, 0, 0]
    assert a[3:].min() == 1
    assert a.max() == 50
    assert np.mean(a[3:] == b[3:]) < 0.05
    with pytest.raises(DataError, match="0 buckets"):
        hashed_ids(keys, 0)


def test_observed_collisions_are_as_expected():
    """3,000 ids in 10,000 buckets; the count's standard deviation is below 40: a false alarm in fewer than 1e-3 seeds,
    and the hash has none."""
    report = collision_report(np.arange(3_000), 10_000)
    assert report.expected == pytest.approx(3_000 * (1 - (1 - 1e-4) ** 2_999))
    assert abs(report.collided - report.expected) < 4 * 40


def test_traffic_counts_rows_not_ids():
    keys = np.array([1] * 97 + [2, 3, -1])
    alone = collision_report(keys, 10**6)
    assert (alone.ids, alone.collided, alone.traffic) == (3, 0, 0.0)
    assert collision_report(keys, 1).traffic == 1.0
    assert collision_report(np.array([-1, -1]), 5).ids == 0


def test_pairs_are_ordered_distinct_and_unknown_where_a_part_is():
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(300), np.arange(300)))
    keys = pair_keys(a, b)
    assert len(np.unique(keys)) == 90_000
    assert keys.min() >= 0
    assert pair_keys(np.array([-1, 3, -1]), np.array([3, -1, -1])).tolist() == [-1, -1, -1]
