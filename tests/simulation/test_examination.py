"""Expected clicks in closed form against what is drawn, under every way to read a list."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from shortlist.core.errors import ShortlistError
from shortlist.simulation.examination import Examination

CURVE = np.array([1.0, 0.7, 0.5, 0.35])
RIGHT, WRONG = np.array([0.98, 0.95, 0.9, 0.85]), np.array([0.35, 0.2, 0.1, 0.05])
MODELS = [
    Examination.position_based(CURVE),
    Examination.cascade(4),
    Examination.cascade(4, patience=0.8),
    Examination.dynamic(4, patience=0.85),
    Examination.trust_bias(CURVE, RIGHT, WRONG),
]


@pytest.mark.statistical
@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.name}, {m.after_none:g}")
def test_expected_clicks_are_those_that_are_drawn(model):
    """Four lists, each read 40,000 times; 16 means a model, 80 in all.

    A cell's z is beyond 4.5 with chance 6.8e-6, so that any of the 80 is in less than 6 of 10,000 seeds.
    """
    rng = np.random.default_rng(3)
    attraction, satisfaction = rng.uniform(0.05, 0.9, (2, 4, 4))
    expected = model.expected_clicks(attraction, satisfaction)
    n = 40_000
    read = model.read(np.repeat(attraction, n, axis=0), np.repeat(satisfaction, n, axis=0), rng)
    seen = read.click.reshape(4, n, 4).mean(axis=1)
    z = (seen - expected) / np.sqrt(expected * (1.0 - expected) / n)
    assert np.abs(z).max() < -ndtri(3.4e-6)
    # The control: as the position-based model sees it, a reading that may end is far off.
    if model.may_end:
        blind = Examination.position_based(np.ones(4)).expected_clicks(attraction, satisfaction)
        assert np.abs(seen - blind).max() > 0.1


def test_only_what_was_examined_is_clicked_and_only_a_click_satisfies():
    rng = np.random.default_rng(4)
    a, s = rng.random((2, 5_000, 4))
    for model in MODELS:
        read = model.read(a, s, 1)
        assert not (read.click & ~read.examined).any()
        assert not (read.satisfied & ~read.click).any()
    assert (Examination.cascade(4).read(a, s, 1).click.sum(axis=1) <= 1).all()
    assert (Examination.dynamic(4).read(a, s, 1).satisfied.sum(axis=1) <= 1).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Examination.position_based([1.0, 1.2]),
        lambda: Examination.cascade(3, patience=-0.1),
        lambda: Examination("odd", CURVE, np.ones(4), np.zeros(4), 0.9, 0.0, 0.0),
    ],
)
def test_what_is_no_reading_is_refused(make):
    with pytest.raises(ShortlistError):
        make()
