"""Calibration error: the plain one is biased, the debiased one is not, and clusters widen what chance explains."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.evaluation.calibration import (
    chance_calibration_error,
    debiased_calibration_error,
    debiased_calibration_interval,
    equal_mass_bins,
    expected_calibration_error,
    paired_calibration_interval,
)
from shortlist.evaluation.reliability import reliability_table


def squared(error):
    """``debiased_calibration_error`` before its root was taken: the quantity that is unbiased."""
    return np.sign(error) * error**2


def calibrated(rng, n=36_500):
    p = rng.beta(2.0, 2.0, n)
    return p, (rng.random(n) < p).astype(float)


@pytest.mark.oracle
@pytest.mark.statistical
def test_a_perfect_model_scores_the_known_bias_and_0_when_debiased():
    """36,500 rows, 15 bins: plain ECE about .0074. Means of 40 draws; false alarms below 1 in 10,000 (4 sigma)."""
    rng = np.random.default_rng(0)
    draws = [calibrated(rng) for _ in range(40)]
    plain = np.array([expected_calibration_error(p, y) for p, y in draws])
    debiased = np.array([squared(debiased_calibration_error(p, y)) for p, y in draws])
    assert plain.mean() == pytest.approx(0.0074, abs=4 * plain.std() / np.sqrt(40) + 0.00005)
    chance = np.mean([chance_calibration_error(p) for p, _ in draws])
    assert plain.mean() == pytest.approx(chance, abs=4 * plain.std() / np.sqrt(40))
    assert abs(debiased.mean()) < 4 * debiased.std() / np.sqrt(40)
    assert abs(debiased.mean()) < 0.1 * plain.mean() ** 2, "the plain one is not near 0: a negative control"


@pytest.mark.statistical
@pytest.mark.parametrize("shift", [0.03, 0.1])
def test_a_planted_error_is_found_in_full(shift):
    """Every probability is too low by ``shift``; false alarms below 1 in 10,000 (4 sigma of 20 draws)."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(20):
        p = rng.uniform(0.1, 0.8, 8_000)
        y = rng.random(8_000) < p + shift
        found.append(squared(debiased_calibration_error(p, y)))
    assert np.mean(found) == pytest.approx(shift**2, abs=4 * np.std(found) / np.sqrt(20))


@pytest.mark.statistical
def test_rows_of_one_user_are_not_independent():
    """Users who differ, a model right on average: 0 only if users are the clusters. False alarms below 1 in 1,000."""
    rng = np.random.default_rng(2)
    by_user, by_row = [], []
    for _ in range(30):
        user = np.repeat(np.arange(300), 20)
        p = rng.uniform(0.3, 0.7, 300)[user] + rng.uniform(-0.02, 0.02, len(user))
        y = rng.random(len(user)) < p + rng.uniform(-0.25, 0.25, 300)[user]
        by_user.append(squared(debiased_calibration_error(p, y, cluster=user)))
        by_row.append(squared(debiased_calibration_error(p, y)))
    error = np.std(by_user) / np.sqrt(30)
    assert abs(np.mean(by_user)) < 4 * error
    assert np.mean(by_row) > 4 * error, "a negative control"


@pytest.mark.statistical
def test_intervals_hold_the_planted_error_as_often_as_they_say():
    """95 % intervals over 80 draws of 200 users; fewer than 70 hits happens to a right one in 1 of 400."""
    rng = np.random.default_rng(3)
    hits = 0
    for draw in range(80):
        user = np.repeat(np.arange(200), 15)
        p = rng.uniform(0.2, 0.7, len(user))
        y = rng.random(len(user)) < p + 0.08 + rng.normal(0.0, 0.04, 200)[user]
        interval = debiased_calibration_interval(p, y, user, rng=draw, bins=10, draws=200)
        hits += interval.low <= 0.08 <= interval.high
        assert interval.low <= interval.estimate <= interval.high
    assert hits >= 70


@pytest.mark.statistical
def test_a_perfect_model_is_not_accused_by_its_interval():
    """100 draws at 95 %: more than 7 intervals above 0 happens to right ones in 1 of 200."""
    rng = np.random.default_rng(8)
    accused = 0
    for draw in range(100):
        p, y = calibrated(rng, 3_000)
        accused += debiased_calibration_interval(p, y, np.arange(3_000) // 10, rng=draw, bins=10, draws=200).low > 0.0
    assert accused <= 7


@pytest.mark.statistical
def test_the_difference_of_two_errors_is_held_as_often_as_its_interval_says():
    """One system is off by .13, one by .08, two trainings each: ``D = .13^2 - .08^2``. 80 draws of 200 users; fewer than
    70 hits happens to right intervals in 1 of 400."""
    rng, hits, square = np.random.default_rng(10), 0, 0.13**2 - 0.08**2
    for draw in range(80):
        user = np.repeat(np.arange(200), 15)
        p = rng.uniform(0.2, 0.7, len(user)) + rng.uniform(-0.001, 0.001, (2, len(user)))
        y = rng.random(len(user)) < p.mean(axis=0) + 0.13 + rng.normal(0.0, 0.04, 200)[user]
        a, b = p, p + 0.05
        interval = paired_calibration_interval(a, b, y, user, rng=draw, bins=10, draws=200)
        hits += squared(interval.low) <= square <= squared(interval.high)
    assert hits >= 70


@pytest.mark.statistical
def test_two_systems_that_are_equally_right_are_seldom_told_apart():
    """Each knows one half of what moves the outcome. 60 draws at 95 %; more than 9 intervals without 0 happens to right
    ones in 1 of 1,000. A system and itself do not differ at all."""
    rng, apart = np.random.default_rng(11), 0
    user = np.arange(3_000) // 10
    for draw in range(60):
        x = rng.uniform(-0.2, 0.2, (2, 3_000))
        y = rng.random(3_000) < 0.5 + x.sum(axis=0)
        interval = paired_calibration_interval(0.5 + x[0], 0.5 + x[1], y, user, rng=draw, bins=10, draws=200)
        apart += not interval.low <= 0.0 <= interval.high
    assert apart <= 9
    same = paired_calibration_interval(0.5 + x[0], 0.5 + x[0], y, user, rng=0, draws=20)
    assert (same.low, same.estimate, same.high) == (0.0, 0.0, 0.0)


def test_days_do_not_make_up_for_each_other():
    """One day clicks with .6, one with .4, and .5 is said of both: bins over both see nothing, bins within a day do."""
    day, user = np.repeat([0, 1], 20_000), np.arange(40_000) // 4
    y = np.random.default_rng(12).random(40_000) < np.array([0.6, 0.4])[day]
    said, right = np.full(40_000, 0.5), np.array([0.6, 0.4])[day]
    over_both = debiased_calibration_interval(said, y, user, rng=0, draws=50)
    assert abs(over_both.estimate) < 0.015  # the level's standard error is .0025
    within = debiased_calibration_interval(said, y, user, within=day, rng=0, draws=50)
    assert within.estimate == pytest.approx(0.1, abs=0.015)
    apart = paired_calibration_interval(said, right, y, user, within=day, rng=0, draws=50)
    assert apart.low > 0.08
    assert apart.estimate == pytest.approx(0.1, abs=0.015)


@pytest.mark.statistical
@pytest.mark.parametrize("strays", [0, 3], ids=["a user a bin", "and a few strays"])
def test_a_bin_of_one_user_is_debiased_too(strays):
    """A perfect model, 15 users who differ in level: 0 on average. False alarms below 1 in 10,000 (4 sigma)."""
    rng = np.random.default_rng(9)
    level = np.linspace(0.05, 0.75, 15)
    found, naive, accused = [], [], 0
    for draw in range(60):
        user = np.repeat(np.arange(15), 100)
        p = level[user] + rng.uniform(0.0, 0.01, len(user))
        y = (rng.random(len(user)) < p).astype(float)
        user[rng.choice(len(user), 15 * strays, replace=False)] = 99
        found.append(squared(debiased_calibration_error(p, y, cluster=user)))
        naive.append(np.mean([(y[user == u] - p[user == u]).mean() ** 2 for u in range(15)]))
        accused += debiased_calibration_interval(p, y, user, rng=draw, draws=200).low > 0.0
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(60)
    assert np.mean(naive) > 4 * np.std(found) / np.sqrt(60), "without it the error is plain: a negative control"
    assert accused <= 7, "of 60 right intervals, 2.5 % a side, more than 7 lie above 0 in fewer than 1 of 1,000"


def test_the_variance_of_unlike_clusters_spelled_out():
    """One bin, clusters of 2, 1 and 1 rows: the spread of their sums over 1 less the sum of squared shares."""
    y, user = np.array([1, 0, 1, 0]), np.array([1, 1, 2, 3])
    p = np.full(4, 0.3)
    gap = 0.2
    spread = (0.4 - 2 * gap) ** 2 + (0.7 - gap) ** 2 + (-0.3 - gap) ** 2
    variance = spread / 16 / (1 - (0.25 + 0.0625 + 0.0625))
    assert squared(debiased_calibration_error(p, y, cluster=user, bins=1)) == pytest.approx(gap**2 - variance)
    alone = squared(debiased_calibration_error(p, y, cluster=np.zeros(4), bins=1))
    assert alone == pytest.approx(gap**2 - 4 * 0.3 * 0.7 / 16)


def test_an_interval_is_the_same_for_the_same_seed():
    p, y = calibrated(np.random.default_rng(4), 500)
    user = np.arange(500) // 5
    one = debiased_calibration_interval(p, y, user, rng=9, draws=50)
    assert one == debiased_calibration_interval(p, y, user, rng=9, draws=50)
    assert one.n_clusters == 100


def test_the_plain_error_spelled_out():
    p = np.array([0.1, 0.1, 0.6, 0.8])
    y = np.array([0, 1, 1, 1])
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(0.5 * abs(0.1 - 0.5) + 0.5 * abs(0.7 - 1.0))


def test_bins_are_equal_and_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(5)
    p = rng.random(1_000)
    assert np.bincount(equal_mass_bins(p, 10)).tolist() == [100] * 10
    ties = np.round(p, 1)
    turn = rng.permutation(1_000)
    assert equal_mass_bins(ties, 10)[turn].tolist() == equal_mass_bins(ties[turn], 10).tolist()


@pytest.mark.parametrize("p", [[0.5, 1.5], [0.5, -0.1], [0.5, np.nan], []])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(DataError, match="probability"):
        expected_calibration_error(np.array(p), np.zeros(len(p)))


@pytest.mark.statistical
def test_reliability_intervals_hold_the_true_share():
    """100 tables of 10 rows each, 95 %: fewer than 920 hits of 1,000 happens to right intervals in 1 of 10,000."""
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(100):
        p = rng.uniform(0.0, 0.3, 2_000)
        table = reliability_table(p, rng.random(2_000) < p)
        hits += sum(row.agrees for row in table)
        assert sum(row.n for row in table) == 2_000
    assert hits >= 920


def test_reliability_shows_what_is_off_and_widens_for_clusters():
    rng = np.random.default_rng(7)
    user = np.repeat(np.arange(100), 20)
    p = rng.uniform(0.2, 0.5, 2_000)
    y = rng.random(2_000) < np.clip(p + 0.3 + rng.normal(0, 0.15, 100)[user], 0, 1)
    alone = reliability_table(p, y)
    together = reliability_table(p, y, cluster=user)
    assert not any(row.agrees for row in alone)
    assert [row.observed for row in alone] == [row.observed for row in together]
    assert sum(row.high - row.low for row in together) > sum(row.high - row.low for row in alone)
    assert all(row.lowest <= row.predicted <= row.highest for row in alone)


def test_a_bin_in_which_nothing_happened_has_an_interval_above_0():
    (row,) = reliability_table(np.full(50, 0.01), np.zeros(50))
    assert (row.observed, row.low) == (0.0, 0.0)
    assert 0.05 < row.high < 0.1
    (clustered,) = reliability_table(np.full(50, 0.01), np.zeros(50), cluster=np.arange(50) // 10)
    assert clustered.high > row.high
