"""The drift alarm keeps its false-alarm rate, and finds drift that begins late; normalised entropy."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.evaluation.drift import DriftReport, watch_drift
from shortlist.evaluation.metrics.normalised_entropy import normalised_entropy

DAYS = 20


def days(shift, *, rng, begins=0, rows=500):
    """Predictions and what happens, the true log odds shifted from one day on."""
    p = rng.beta(2, 20, DAYS * rows).clip(1e-3, 0.9)
    day = np.repeat(np.arange(DAYS), rows)
    odds = p / (1 - p) * np.exp(np.where(day >= begins, shift, 0.0))
    return p, rng.random(len(p)) < odds / (1 + odds), day


@pytest.mark.statistical
@pytest.mark.parametrize("shift", [0.0, 0.1, -0.1])
def test_a_model_within_the_tolerance_is_seldom_accused(shift):
    """200 worlds at a = 10%: more than 35 alarms have a chance below 1 in 1,000, even at the tolerance's edge."""
    rng = np.random.default_rng(1)
    alarms = sum(
        watch_drift(*days(shift, rng=rng, rows=100), tolerance=0.1, false_alarm=0.1).first_alarm is not None
        for _ in range(200)
    )
    assert alarms <= 35


@pytest.mark.statistical
@pytest.mark.parametrize("shift", [0.7, -0.7])
def test_drift_that_begins_late_is_found_soon_and_not_before(shift):
    """Odds double or halve on day 10: each of 20 worlds has its alarm within five days, none earlier (a = 1%)."""
    rng = np.random.default_rng(2)
    first = [watch_drift(*days(shift, rng=rng, begins=10)).first_alarm for _ in range(20)]
    assert all(f is not None and 10 <= f <= 15 for f in first), first


def test_one_row_spelled_out():
    """p = 1/2, tolerance 0, and it happened: each bet is (likelihood at d) / (1/2), of half the first wealth."""
    bets = [2 / (1 + np.exp(-d)) for s in (0.1, 0.2, 0.4, 0.8) for d in (s, -s)]
    (window,) = watch_drift(np.array([0.5]), np.array([1]), np.array([3]), tolerance=0.0).windows
    assert window.wealth == pytest.approx(0.5 * np.mean(bets) + 0.5)
    assert (window.window, window.n, window.predicted, window.observed, window.alarm) == (3, 1, 0.5, 1.0, False)


def test_an_alarm_stays_and_wealth_may_overflow():
    report = watch_drift(np.full(9_000, 0.1), np.ones(9_000), np.repeat([1, 2, 3], 3_000))
    assert [w.alarm for w in report.windows] == [True, True, True]
    assert report.first_alarm == 1
    assert msgspec.json.decode(msgspec.json.encode(report), type=DriftReport) == report


@pytest.mark.parametrize(
    ("p", "keywords"), [([], {}), ([0.0], {}), ([0.5], {"false_alarm": 0.0}), ([0.5], {"tolerance": -1.0})]
)
def test_bad_input_is_refused(p, keywords):
    with pytest.raises(DataError):
        watch_drift(np.array(p), np.ones(len(p)), np.zeros(len(p), dtype=np.int64), **keywords)


def test_normalised_entropy_spelled_out():
    loss = -(np.log(0.8) + np.log(0.9)) / 2
    assert normalised_entropy(np.array([0.8, 0.1]), np.array([1, 0])) == pytest.approx(loss / np.log(2))
    with pytest.raises(DataError, match="alike"):
        normalised_entropy(np.array([0.8]), np.array([1]))
