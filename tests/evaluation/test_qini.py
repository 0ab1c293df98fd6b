"""Qini and AUUC: by hand, by brute force over ties, and for scores that know nothing."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.evaluation.metrics.qini import auuc, qini, uplift_curve

SCORE = [4, 3, 2, 1]
TREATED = [True, False, True, False]
OUTCOME = [1, 0, 0, 1]


def test_the_curve_by_hand():
    """1 treated: no other yet, so no effect is known; 2: 1 - 0; 3: 1/2 - 0; 4: 1/2 - 1/2."""
    curve = uplift_curve(SCORE, TREATED, OUTCOME)
    assert curve.share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve.gain.tolist() == [0, 0, 0.5 * 1, 0.75 * 0.5, 0]
    area = 0.25 * (0 / 2 + 0.5 / 2 + (0.5 + 0.375) / 2 + 0.375 / 2)
    assert auuc(SCORE, TREATED, OUTCOME) == pytest.approx(area)
    assert qini(SCORE, TREATED, OUTCOME) == pytest.approx(area - 0.0)


def test_the_end_is_the_average_effect_and_any_rising_map_changes_nothing():
    rng = np.random.default_rng(0)
    score, arm, y = rng.normal(size=900), rng.random(900) < 0.4, rng.random(900)
    assert uplift_curve(score, arm, y).gain[-1] == pytest.approx(y[arm].mean() - y[~arm].mean())
    assert qini(score, arm, y) == qini(np.exp(score), arm, y)
    order = rng.permutation(900)
    assert qini(score[order], arm[order], y[order]) == pytest.approx(qini(score, arm, y), abs=1e-15)


def test_rows_of_one_score_are_passed_in_one_step():
    rng = np.random.default_rng(1)
    score, arm, y = rng.integers(5, size=400), rng.random(400) < 0.5, rng.random(400)
    curve = uplift_curve(score, arm, y)
    assert len(curve.share) == 6
    for k, least in enumerate([4, 3, 2, 1, 0], start=1):
        top = score >= least
        assert curve.share[k] == pytest.approx(top.mean())
        assert curve.gain[k] == pytest.approx(top.mean() * (y[top & arm].mean() - y[top & ~arm].mean()))
    assert qini(np.zeros(400), arm, y) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.statistical
def test_a_score_that_knows_nothing_has_a_qini_of_0_and_one_that_knows_has_more():
    """20,000 rows with effects of 0 and 0.2: the standard error of a Qini is about .0025; six of them."""
    rng = np.random.default_rng(2)
    effect = 0.2 * (rng.random(20_000) < 0.5)
    arm = rng.random(20_000) < 0.5
    y = rng.random(20_000) < 0.2 + arm * effect
    assert abs(qini(rng.random(20_000), arm, y)) < 0.015
    assert qini(effect, arm, y) == pytest.approx(0.025, abs=0.015)
    assert qini(effect, arm, y) == pytest.approx(-qini(-effect, arm, y), abs=0.005)


@pytest.mark.parametrize(
    ("score", "arm", "y"), [([1, 2], [True, True], [0, 1]), ([1, 2], [True], [0, 1]), ([1, 2], [False, False], [0, 1])]
)
def test_what_has_no_curve_is_refused(score, arm, y):
    with pytest.raises(DataError):
        qini(score, arm, y)
