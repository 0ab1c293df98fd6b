"""The int8 copy: smaller, near, and reported on; and the boosted trees' training."""

import numpy as np
import pytest
from tests.ranking.drawn import SIZES, random_inputs

from shortlist.core.errors import DataError, ReleaseError
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_fit import GBDTRecipe, fit_gbdt
from shortlist.ranking.gbdt_inputs import gbdt_columns, gbdt_matrix
from shortlist.ranking.quantize import quantize, rounding_of
from shortlist.ranking.runtime import Runtime


def inputs(n, seed, requests=10):
    return random_inputs(SIZES, requests, n, seed)


@pytest.fixture(scope="module")
def int8(exported, tmp_path_factory):
    path = tmp_path_factory.mktemp("int8") / "int8.onnx"
    quantize(exported, path)
    return path


@pytest.mark.parametrize("requests", [1, 10])
def test_the_copy_is_another_model_and_a_near_one(exported, int8, requests):
    given = inputs(4_000, 1, requests)
    p = 1 / (1 + np.exp(-Runtime(exported).logits(given).astype(float)))
    label = np.random.default_rng(2).random(4_000) < p
    found = rounding_of(exported, int8, given, label)
    assert 0 < found.largest < 0.2
    assert abs(found.auc[0] - found.auc[1]) < 0.01
    assert abs(found.mean_ratio - 1) < 0.02
    assert found.log_loss[0] <= found.log_loss[1] + 1e-3


def test_against_itself_nothing_changes(exported):
    given = inputs(500, 1)
    found = rounding_of(exported, exported, given, np.arange(500) % 2 == 0)
    assert (found.largest, found.mean_ratio) == (0.0, 1.0)
    assert found.auc[0] == found.auc[1]


def test_a_file_that_does_not_say_what_its_inputs_are_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"torn")
    with pytest.raises(ReleaseError, match=r"model\.onnx"):
        Runtime(tmp_path / "model.onnx")


def test_many_rows_are_scored_in_parts_without_a_difference(exported, monkeypatch):
    given, runtime = inputs(100, 3), Runtime(exported)
    whole = runtime.logits(given)
    monkeypatch.setattr("shortlist.ranking.runtime._AT_ONCE", 33)
    np.testing.assert_allclose(runtime.logits(given), whole, atol=1e-6)


def test_trees_learn_from_numbers_and_short_lists_and_are_served(tmp_path):
    given, later = inputs(4_000, 0), inputs(1_000, 1)

    def label(rows):
        return (rows["candidate_dense"][:, 0] > 0) ^ (rows["candidate_list_0"] == 3).any(axis=1)

    x = gbdt_matrix(SIZES, given)
    assert x.shape == (4_000, len(gbdt_columns(SIZES)))
    curve = fit_gbdt(
        x,
        label(given),
        features=gbdt_columns(SIZES),
        validation=(gbdt_matrix(SIZES, later), label(later)),
        recipe=GBDTRecipe(trees=60),
        seed=0,
        path=tmp_path / "model.txt",
    )
    assert len(curve.training) == len(curve.validation)
    right = (GBDT.load(tmp_path / "model.txt").raw(gbdt_matrix(SIZES, later)) > 0) == label(later)
    assert right.mean() > 0.97


def test_one_label_only_is_refused(tmp_path):
    x = np.zeros((50, 2), np.float32)
    with pytest.raises(DataError, match="one label only"):
        fit_gbdt(
            x,
            np.zeros(50),
            features=("a", "b"),
            validation=(x, np.zeros(50)),
            recipe=GBDTRecipe(),
            seed=0,
            path=tmp_path / "model.txt",
        )
