"""A ranker trained on 1% of the negatives and corrected says what comes true: as a whole and by decile of its score.

Logistic regression on a planted world of impressions, fitted on all positives and one negative in a hundred; the odds
are then multiplied by the sampling rate (He et al., ADKDD 2014, section 6.3). More than 10,000 test positives.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from shortlist.evaluation.bootstrap import ratio_interval
from shortlist.evaluation.reliability import reliability_table
from shortlist.learning.calibration.downsampling import undo_downsampling

RATE = 0.01
WEIGHTS = np.array([0.8, -0.5, 0.4, 0.3, 0.0, 0.6])


def impressions(n, rng):
    x = rng.standard_normal((n, len(WEIGHTS)))
    return x, rng.random(n) < 1 / (1 + np.exp(4.0 - x @ WEIGHTS))


@pytest.fixture(scope="module")
def judged():
    """What the model says of 400,000 later impressions before the correction, and what happened."""
    rng = np.random.default_rng(11)
    x, y = impressions(2_000_000, rng)
    kept = y | (rng.random(len(y)) < RATE)
    model = LogisticRegression(C=1e6).fit(x[kept], y[kept])
    later, happened = impressions(400_000, rng)
    return model.predict_proba(later)[:, 1], happened


def off_by(probability, happened):
    """Of each decile, predicted less observed in standard errors of the observed share."""
    table = reliability_table(probability, happened, bins=10)
    return np.array([(b.predicted - b.observed) / np.sqrt(b.predicted * (1 - b.predicted) / b.n) for b in table])


@pytest.mark.statistical
def test_corrected_the_mean_and_every_decile_come_true(judged):
    """The mean's standard error is 1% or less of it, a decile's is 1: with this seed fixed nothing is left to chance."""
    raw, happened = judged
    corrected = undo_downsampling(raw, RATE)
    assert happened.sum() >= 10_000
    assert corrected.mean() == pytest.approx(happened.mean(), rel=0.02)
    assert np.abs(off_by(corrected, happened)).max() < 3.0


def test_uncorrected_it_fails_both(judged):
    """The negative control: odds a hundred times too high."""
    raw, happened = judged
    assert raw.mean() > 10 * happened.mean()
    assert np.abs(off_by(raw, happened)).min() > 50.0


def test_a_rate_off_by_a_tenth_is_noticed(judged):
    """The second control: the test would see a correction that is nearly right."""
    raw, happened = judged
    wrong = undo_downsampling(raw, 1.1 * RATE)
    assert abs(wrong.mean() / happened.mean() - 1) > 0.02
    assert np.abs(off_by(wrong, happened)).max() > 3.0
    assert ratio_interval(wrong, happened, np.arange(len(raw)), rng=0, draws=100).low > 1.02
