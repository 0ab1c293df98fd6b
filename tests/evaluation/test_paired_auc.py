"""The interval of a difference of AUC: exact counts of a resample, and as wide as samples differ."""

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.evaluation.metrics.auc import auc
from shortlist.evaluation.paired_auc import _Sorted, paired_auc_interval


def world(rng, users=60, rows=8):
    cluster = np.repeat(np.arange(users), rows)
    taste = rng.normal(size=users)[cluster]
    label = rng.random(len(cluster)) < 1 / (1 + np.exp(-taste))
    good, bad = (np.round(taste + noise * rng.normal(size=len(cluster)), 1) for noise in (1.0, 1.6))
    return good, bad, label, cluster


def test_rows_that_count_twice_are_two_rows():
    """With ties, against the plain AUC of the rows repeated."""
    rng = np.random.default_rng(0)
    good, _, label, _ = world(rng)
    times = rng.integers(0, 4, len(label))
    assert _Sorted(good, label).auc(times.astype(float)) == pytest.approx(auc(good.repeat(times), label.repeat(times)))


def test_the_estimate_is_the_mean_over_trainings():
    good, bad, label, cluster = world(np.random.default_rng(1))
    found = paired_auc_interval(np.stack([good, bad]), bad, label, cluster, rng=0, draws=20)
    assert found.estimate == pytest.approx((auc(good, label) - auc(bad, label)) / 2)


def test_a_system_against_itself_is_exactly_zero():
    good, _, label, cluster = world(np.random.default_rng(2))
    found = paired_auc_interval(good, good, label, cluster, rng=0, draws=50)
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.statistical
def test_it_covers_the_true_difference_as_often_as_it_says():
    """100 worlds of 60 users; a 95% interval may cover between 86% and 100%: a false alarm in fewer than 1 in 1,000."""
    rng = np.random.default_rng(3)
    good, bad, label, _ = world(rng, users=10_000)
    truth = auc(good, label) - auc(bad, label)
    covered = 0
    for seed in range(100):
        found = paired_auc_interval(*world(rng), rng=seed, draws=80)
        covered += found.low <= truth <= found.high
    assert covered >= 86


def test_labels_that_are_all_alike_are_refused():
    with pytest.raises(DataError, match="all alike"):
        paired_auc_interval(np.zeros(2), np.zeros(2), np.ones(2), np.arange(2), rng=0)
