"""The choice of a calibrator: none where none is needed, and the kind that fits where one is."""

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.learning.calibration.identity import IdentityCalibrator
from shortlist.learning.calibrator_choice import choose_calibrator

PER_USER = 50


def world(seed, n=40_000):
    """True probabilities around .1, what happens, and whose rows they are."""
    rng = np.random.default_rng(seed)
    true = rng.beta(1.0, 9.0, n).clip(1e-4, 0.99)
    return true, rng.random(n) < true, np.arange(n) // PER_USER


def steps(p):
    """Distorted where no line in log odds mends it: a wide range of probabilities is squeezed into a narrow one."""
    return np.where(p < 0.1, 0.5 * p, np.where(p < 0.2, 0.05 + 0.01 * p, p))


@pytest.mark.statistical
def test_a_model_that_comes_true_is_left_alone():
    """20 worlds; a rule of chance adopts a needless map in at most 2.5 % of tries, so more than 4 of 20 in 1 of 200."""
    kinds = [choose_calibrator(*world(seed), rng=0).kind for seed in range(20)]
    assert kinds.count("identity") >= 16


@pytest.mark.parametrize(
    ("distort", "kind"),
    [(lambda p: p / (p + 3.0 * (1.0 - p)), "platt"), (steps, "isotonic")],
    ids=["shifted log odds", "squeezed"],
)
def test_a_distortion_gets_the_simplest_map_that_mends_it(distort, kind):
    true, happened, user = world(0)
    chosen = choose_calibrator(distort(true), happened, user, rng=0)
    assert chosen.kind == kind
    assert set(chosen.losses) == {"identity", "platt", "isotonic"}
    assert chosen.losses[kind] < chosen.losses["identity"]
    mended = chosen.calibrator.calibrate(distort(true))
    assert np.abs(mended - true).mean() < 0.5 * np.abs(distort(true) - true).mean()


def test_users_are_whole_in_a_fold():
    """Rows that repeat a user's one outcome look like proof unless the user is held out whole; then nothing is won."""
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(120), 200)
    level = rng.uniform(0.2, 0.4, 120)[user]  # a probability tells users apart, and only that
    happened = (rng.random(120) < 0.3)[user]
    assert choose_calibrator(level, happened, user, rng=0).kind == "identity"


def test_too_few_positives_choose_nothing():
    p, user = np.full(60, 0.02), np.arange(60)
    happened = np.zeros(60, dtype=bool)
    happened[0] = True
    chosen = choose_calibrator(p, happened, user, rng=0)
    assert isinstance(chosen.calibrator, IdentityCalibrator)
    assert "isotonic" not in chosen.losses


def test_refuses_labels_of_one_kind():
    with pytest.raises(DataError, match="alike"):
        choose_calibrator(np.full(10, 0.1), np.zeros(10, dtype=bool), np.arange(10), rng=0)
