"""Stacked weights are those that logits deserve."""

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.learning.stacking import fit_stack

N = 40_000


def world(seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=N)
    return rng, truth, rng.random(N) < 1 / (1 + np.exp(-truth))


def test_what_adds_up_to_the_truth_is_found():
    """Two halves of the truth, of which the second is given twice too large; the weights' error is .02."""
    rng, truth, label = world()
    half = truth / 2 + rng.normal(size=N)
    weights, bias = fit_stack(np.stack([half, 2 * (truth - half)], axis=1), label, ridge=0.0)
    assert weights == pytest.approx([1.0, 0.5], abs=0.08)
    assert abs(bias) < 0.08


def test_a_harmful_member_gets_nothing_and_noise_little():
    rng, truth, label = world()
    weights, _ = fit_stack(np.stack([truth, -truth + rng.normal(size=N), rng.normal(size=N)], axis=1), label)
    assert weights[1] == 0.0
    assert weights[0] == pytest.approx(1.0, abs=0.08)
    assert weights[2] < 0.05


def test_twins_share_their_weight():
    _, truth, label = world()
    weights, _ = fit_stack(np.stack([truth, truth], axis=1), label)
    assert weights[0] == pytest.approx(weights[1], abs=1e-3)


def test_the_bias_brings_the_mean_to_the_rate():
    _, truth, label = world()
    weights, bias = fit_stack((truth - 2.0)[:, None], label)
    p = 1 / (1 + np.exp(-(bias + weights[0] * (truth - 2.0))))
    assert p.mean() == pytest.approx(label.mean(), abs=1e-4)


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="all alike"):
        fit_stack(np.zeros((3, 1)), np.ones(3))
    with pytest.raises(DataError, match="not finite"):
        fit_stack(np.array([[np.nan], [0.0]]), np.array([0, 1]))
