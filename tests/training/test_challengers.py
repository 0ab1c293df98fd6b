"""Challengers are what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.training.challengers import CHALLENGERS, CONTROL, challenger_policies
from shortlist.training.list_log import ListLog
from shortlist.training.position_clicks import fit_position_clicks

NAMES = ("popularity", "affinity", "quality", "thumbnail", "age_days")
RNG = np.random.default_rng(3)
FEATURES = {name: RNG.normal(size=(4, 6)) for name in NAMES}
ITEM = np.tile(np.arange(1, 7), (4, 1))
CURVE = np.array([1.0, 0.5, 0.25])
ATTRACTION = RNG.uniform(0.2, 0.8, (4, 6))


@pytest.fixture(scope="module")
def older():
    table = challenger_policies(FEATURES, ITEM, temperature=1.0)
    context = RNG.integers(4, size=20_000)
    shown = table.policy(0, 3).draw(context, rng=1)
    click = RNG.random(shown.shape) < CURVE * ATTRACTION[context[:, None], shown]
    return ListLog(context, shown, table.policy(0, 3).given_above(context, shown), click)


@pytest.fixture(scope="module")
def table(older):
    return challenger_policies(FEATURES, ITEM, temperature=0.5, older=older)


def score(table, name):
    return table.score[table.names.index(name)]


def test_without_an_older_log_there_is_the_control_alone(table):
    alone = challenger_policies(FEATURES, ITEM, temperature=0.5)
    assert alone.names == (CONTROL,)
    np.testing.assert_array_equal(alone.score[0], table.score[0])
    assert table.names == (CONTROL, *(one.name for one in CHALLENGERS))
    assert len(set(table.names)) == len(table.names)


def test_each_ranks_as_its_name_says(table):
    control = score(table, CONTROL)
    for name, feature in (("popularity alone", "popularity"), ("thumbnail alone", "thumbnail")):
        np.testing.assert_array_equal(np.argsort(score(table, name)), np.argsort(FEATURES[feature]))
    np.testing.assert_array_equal(np.argsort(score(table, "newest first")), np.argsort(-FEATURES["age_days"]))
    np.testing.assert_allclose(score(table, "worst first"), -(control - control.mean()), rtol=1e-12)
    quality = FEATURES["quality"] - FEATURES["quality"].mean()
    np.testing.assert_allclose(score(table, "more quality") - control, 0.1 * quality / quality.std(), rtol=1e-9)
    swap = score(table, "affinity for quality") - control
    np.testing.assert_allclose(swap, -(score(table, "quality for affinity") - control), rtol=1e-9)
    warmth = dict(zip(table.names, table.temperature, strict=True))
    assert warmth["cooler"] < warmth[CONTROL] < warmth["warmer"]


def test_the_click_model_learns_merit_and_the_click_rate_places(table, older):
    """Attractions correlate with the truth better than click rates do, for these hold the places too."""

    def agreement(name):
        return np.corrcoef(score(table, name).ravel(), np.log(ATTRACTION).ravel())[0, 1]

    assert agreement("click model alone") > 0.95
    assert agreement("click model alone") > agreement("click rate alone") + 0.005
    found = fit_position_clicks(older, contexts=4, candidates=6)
    np.testing.assert_allclose(found.examination, CURVE, atol=0.05)
    control, learned = score(table, CONTROL), score(table, "click model alone")
    blended = score(table, "click model, a tenth")
    np.testing.assert_allclose(blended, control + 0.1 * (learned - control), rtol=1e-9)
    assert np.corrcoef(score(table, "what stood on top").ravel(), control.ravel())[0, 1] > 0.5
