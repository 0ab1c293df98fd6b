"""Intervals over users."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.evaluation.bootstrap import (
    cluster_sums,
    clustered_interval,
    paired_interval,
    ratio_interval,
    resample,
)


def users_who_differ(rng, n_users=60, rows=20, spread=1.0):
    user = np.repeat(np.arange(n_users), rows)
    return user, rng.normal(0.0, spread, n_users)[user] + rng.normal(0.0, 0.5, len(user))


@pytest.mark.statistical
def test_intervals_hold_the_true_mean_as_often_as_they_say():
    """200 draws at 95 %: fewer than 176 hits happens to a right interval in 1 of 10,000; resampling rows must fail."""
    rng = np.random.default_rng(0)
    by_user = by_row = 0
    for draw in range(200):
        user, value = users_who_differ(rng)
        interval = clustered_interval(value, user, rng=draw, draws=300)
        by_user += interval.low <= 0.0 <= interval.high
        rows = clustered_interval(value, np.arange(len(value)), rng=draw, draws=300)
        by_row += rows.low <= 0.0 <= rows.high
    assert by_user >= 176
    assert by_row < 140, "a negative control: rows of one user are not independent"


@pytest.mark.oracle
def test_a_draw_is_what_drawing_whole_users_gives():
    rng = np.random.default_rng(1)
    user, value = users_who_differ(rng, n_users=5, rows=3)
    sums = cluster_sums(np.column_stack([value, np.ones(len(value))]), user)
    drawn = resample(sums, rng=3, draws=4)
    again = np.random.Generator(np.random.Philox(3))
    for row in drawn:
        chosen = again.integers(5, size=5)
        rows = np.concatenate([value[user == u] for u in chosen])
        np.testing.assert_allclose(row, [rows.sum(), len(rows)], rtol=1e-12)


def test_pairs_cancel_what_they_share():
    rng = np.random.default_rng(2)
    user, shared = users_who_differ(rng, spread=5.0)
    better = shared + 0.1 + rng.normal(0.0, 0.1, len(shared))
    paired = paired_interval(better, shared, user, rng=0, draws=300)
    apart = clustered_interval(better, user, rng=0, draws=300)
    assert paired.low > 0.0
    assert paired.estimate == pytest.approx(0.1, abs=0.02)
    assert apart.low < 0.0 < apart.high
    same = paired_interval(shared, shared, user, rng=0)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)


def test_rows_without_a_value_are_left_out():
    value = np.array([1.0, np.nan, 3.0])
    with_them = clustered_interval(value, np.array([1, 2, 3]), rng=0, draws=100)
    without = clustered_interval(value[[0, 2]], np.array([1, 3]), rng=0, draws=100)
    assert with_them == without
    assert with_them.n_clusters == 2


def test_users_may_have_any_names():
    named = clustered_interval(np.array([1.0, 2.0, 4.0]), np.array(["b", "a", "b"]), rng=0, draws=100)
    assert named == clustered_interval(np.array([1.0, 2.0, 4.0]), np.array([2**60, -5, 2**60]), rng=0, draws=100)


def test_a_ratio_is_of_sums_not_a_mean_of_ratios():
    interval = ratio_interval(np.array([1.0, 9.0]), np.array([1.0, 3.0]), np.array([0, 1]), rng=0, draws=200)
    assert interval.estimate == 10.0 / 4.0
    assert (interval.low, interval.high) == (1.0, 3.0)


def test_the_same_seed_gives_the_same_interval():
    user, value = users_who_differ(np.random.default_rng(4))
    assert clustered_interval(value, user, rng=5) == clustered_interval(value, user, rng=5)
    assert clustered_interval(value, user, rng=5) != clustered_interval(value, user, rng=6)


def test_nothing_to_measure_is_said():
    with pytest.raises(DataError, match="nothing to divide by"):
        clustered_interval(np.array([np.nan]), np.array([1]), rng=0)
    with pytest.raises(DataError, match="nothing to divide by"):
        ratio_interval(np.array([1.0]), np.array([0.0]), np.array([1]), rng=0)
