"""Rows that no model should meet: unknown ids, numbers that are none, columns with nothing in them, one label only.

Each ends in an error that names what is wrong, or in the fallback that the documentation promises; never in a score
of NaN. What belongs to files (another spec, another release) is in ``test_feed_ranker`` and ``test_ad_click``.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.ranking.drawn import SIZES as EXPORTED
from tests.ranking.drawn import random_inputs, small_dcn

from shortlist.core.errors import DataError
from shortlist.evaluation.drift import watch_drift
from shortlist.evaluation.metrics.auc import grouped_auc
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_fit import GBDTRecipe, fit_gbdt
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import IdList, InputSizes
from shortlist.ranking.runtime import Runtime

SIZES = InputSizes(request_dense=2, candidate_dense=3, candidate_ids=(5,), candidate_lists=(IdList(length=2, size=4),))
RECIPE = ClassifierRecipe(epochs=2, batch=64, learning_rate=0.01)


def net():
    model = small_dcn(SIZES, width=4)
    model.output.reset_parameters()
    return model.eval()


def rows(n, seed=0):
    return random_inputs(SIZES, 4, n, seed)


@pytest.fixture(scope="module")
def runtime(exported):
    return Runtime(exported)


def asked(n, requests=4):
    return random_inputs(EXPORTED, requests, n)


@pytest.mark.parametrize("requests", [1, 4])
def test_an_index_of_another_length_is_refused(runtime, requests):
    given = asked(20, requests)
    given["request_index"] = given["request_index"][:3]
    with pytest.raises(DataError, match="requests of 3 candidates, there are 20"):
        runtime.logits(given)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "place"), [("request_dense", (2, 1)), ("candidate_dense", (7, 0))])
def test_a_number_that_is_none_is_refused_by_name(runtime, name, place, bad):
    given = asked(20)
    assert np.isfinite(runtime.logits(given)).all()
    given[name][place] = bad
    with pytest.raises(DataError, match=f"'{name}' holds {bad} in row {place[0]}, column {place[1]}"):
        runtime.logits(given)


def test_an_unseen_category_is_row_0_and_an_id_beyond_the_table_is_refused(runtime):
    """0 is what a vocabulary gives for what it does not hold; a model learns that row by forgetting ids."""
    given = asked(20)
    given["candidate_ids"][:] = 0
    given["candidate_list_0"][:] = 0
    assert np.isfinite(runtime.logits(given)).all()
    for beyond in (-1, EXPORTED.candidate_ids[0]):
        given["candidate_ids"][3, 0] = beyond
        with pytest.raises(DataError, match="'candidate_ids'"):
            runtime.logits(given)


def trees(x, y, path):
    recipe = GBDTRecipe(trees=20, min_rows=5, feature_share=1.0)
    names = [f"f{n}" for n in range(x.shape[1])]
    fit_gbdt(x, y, features=names, validation=(x[:200], y[:200]), recipe=recipe, seed=0, path=path)
    return GBDT.load(path)


def test_to_trees_a_column_with_nothing_in_it_is_no_column(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_000, 2)).astype(np.float32)
    y = rng.random(1_000) < 1 / (1 + np.exp(-x[:, 0]))
    with_nothing = np.column_stack([x, np.full(len(x), np.nan, np.float32)])
    found = trees(with_nothing, y, tmp_path / "with").raw(with_nothing)
    np.testing.assert_array_equal(found, trees(x, y, tmp_path / "without").raw(x))


def test_to_trees_a_column_that_goes_missing_later_takes_the_branch_of_the_missing(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_000, 2)).astype(np.float32)
    y = rng.random(1_000) < 1 / (1 + np.exp(-3 * x[:, 0]))
    model = trees(x, y, tmp_path / "model.txt")
    gone = x.copy()
    gone[:, 0] = np.nan
    assert np.isfinite(model.raw(gone)).all()
    assert (model.raw(gone) != model.raw(x)).mean() > 0.9


def training(label, seed=0):
    return InputRows(SIZES, rows(len(label), seed), np.asarray(label, dtype=np.float32))


def test_to_a_net_a_column_with_nothing_in_it_is_refused_and_one_value_throughout_is_learned_from():
    label = np.arange(256) % 2
    constant = training(label)
    constant.inputs["candidate_dense"][:, 1] = 3.0
    model = net()
    fit_classifier(model, constant, validation=training(label[:64], 1), recipe=RECIPE, seed=0)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
    nothing = training(label)
    nothing.inputs["candidate_dense"][:, 1] = np.nan
    with pytest.raises(DataError, match="NaN or infinite features"):
        fit_classifier(net(), nothing, validation=training(label[:64], 1), recipe=RECIPE, seed=0)


@pytest.mark.parametrize("label", [0, 1])
def test_a_day_of_one_label_moves_a_net_that_way_and_no_calibrator_is_fitted_to_it(label):
    """Daily retraining may meet a day without a click: the weights stay finite; what would need both kinds says so."""
    one_class, model = training(np.full(256, label)), net()

    def scores():
        with torch.no_grad():
            given = rows(100, 2)
            return model(*(torch.from_numpy(given[name]) for name in SIZES.names)).numpy()

    before = scores()
    fit_classifier(model, one_class, validation=training(np.full(64, label), 1), recipe=RECIPE, seed=0)
    after = scores()
    assert np.isfinite(after).all()
    assert ((after - before).mean() > 0) == bool(label)
    with pytest.raises(DataError, match="all labels are alike"):
        PlattCalibrator.fit(1 / (1 + np.exp(-after)), np.full(len(after), label))


def test_a_day_without_a_click_is_watched_and_has_no_auc():
    """The alarm needs no click to be right; an AUC needs a pair, and leaves such a day out as NaN, by its contract."""
    rng = np.random.default_rng(0)
    p, day = np.full(400, 0.05), np.repeat([1, 2], 200)
    click = np.where(day == 1, 0, rng.random(400) < p)
    report = watch_drift(p, click, day)
    assert report.windows[0].observed == 0.0
    assert all(np.isfinite([w.wealth, w.predicted, w.observed]).all() for w in report.windows)
    area = grouped_auc(rng.random(400), click, np.array([0, 200, 400]))
    assert np.isnan(area).tolist() == [True, False]
