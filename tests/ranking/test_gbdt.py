"""Boosted trees beside LightGBM's own prediction: equal to the bit, whatever is missing, categorical or infinite."""

import lightgbm as lgb
import numpy as np
import pytest

from shortlist.core.errors import ReleaseError
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_file import read_trees

QUIET = {
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
    "min_data_in_leaf": 5,
    "max_cat_to_onehot": 2,
}


def world(n=3_000, seed=0, missing=0.1, zeros=0.0):
    """Two categories (5, 300), three numbers; some missing, some zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    x[:, 3], x[:, 4] = rng.integers(0, 5, n), rng.integers(0, 300, n)
    logit = x[:, 0] * x[:, 1] + np.sin(x[:, 4]) + (x[:, 3] == 2)
    x[rng.random(x.shape) < missing] = np.nan
    x[:, :3][rng.random((n, 3)) < zeros] = 0.0
    return x, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)


def trained(x, y, *, categories=(), trees=20, data=None, **settings):
    dataset = lgb.Dataset(x, y, categorical_feature=list(categories), params=QUIET | settings | (data or {}))
    return lgb.train({"objective": "binary", "num_leaves": 31} | QUIET | settings, dataset, trees)


def read(booster):
    return GBDT(read_trees(booster.model_to_string(), where="model.txt"), where="model.txt")


def assert_equal(booster, x):
    ours = read(booster)
    assert (ours.raw(x) == booster.predict(x, raw_score=True, num_threads=1)).all()
    if ours.slope is not None:
        np.testing.assert_allclose(ours.probability(x), booster.predict(x, num_threads=1), rtol=0, atol=1e-15)


STRANGE = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-36, 1e30, -0.5, -1.0, 2.7, 299.5, 300.0, 1e9])


def strange_rows(width, seed=0):
    """Every strange value in every column, the others drawn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(STRANGE) * width, width))
    for column in range(width):
        x[column * len(STRANGE) : (column + 1) * len(STRANGE), column] = STRANGE
    return x


@pytest.mark.oracle
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("settings", [{}, {"zero_as_missing": True}, {"use_missing": False}])
@pytest.mark.parametrize("categories", [(), (3, 4)])
def test_equals_lightgbm_to_the_bit(missing, settings, categories):
    x, y = world(missing=missing, zeros=0.2)
    booster = trained(x, y, categories=categories, **settings)
    assert ("num_cat=0" in booster.model_to_string().split("Tree=1\n")[1][:100]) == (not categories)
    assert_equal(booster, world(seed=1, missing=missing, zeros=0.1)[0])
    assert_equal(booster, strange_rows(5))


@pytest.mark.oracle
@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "regression"},
        {"objective": "cross_entropy"},
        {"objective": "binary", "sigmoid": 2.0},
        {"objective": "binary", "num_leaves": 2},
        {"objective": "binary", "num_leaves": 700, "min_data_in_leaf": 1},
        {"objective": "binary", "boosting": "dart", "drop_seed": 3},
        {"objective": "binary", "max_bin": 4_000},
    ],
)
def test_equals_lightgbm_whatever_it_was_trained_for(settings):
    x, y = world()
    assert_equal(trained(x, y, trees=8, **settings), world(seed=1)[0])


@pytest.mark.oracle
def test_a_constant_model_is_its_constant():
    x, _ = world(200)
    booster = trained(x, np.zeros(200), objective="regression", trees=3)
    assert_equal(booster, x)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 501])
def test_a_row_alone_scores_as_in_a_batch(n):
    x, y = world()
    ours = read(trained(x, y, categories=(3, 4)))
    together = ours.raw(x[:n])
    assert together.shape == (n,)
    assert (together == [ours.raw(row[None])[0] for row in x[:n]]).all()


def test_float32_rows_score_as_their_float64_copies(tmp_path):
    x, y = world()
    booster = trained(x, y)
    booster.save_model(tmp_path / "model.txt")
    ours = GBDT.load(tmp_path / "model.txt")
    narrow = x.astype(np.float32)
    assert (ours.raw(narrow) == ours.raw(narrow.astype(np.float64))).all()
    narrow.setflags(write=False)
    assert (ours.raw(narrow) == ours.raw(narrow.copy())).all()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"objective": "multiclass", "num_class": 3}, "several outputs"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "random forest"),
        ({"linear_tree": True, "objective": "regression"}, "linear leaves"),
        ({"objective": "poisson"}, "objective 'poisson'"),
        ({"objective": "regression", "reg_sqrt": True}, "square roots"),
    ],
)
def test_what_is_not_served_is_refused_with_the_reason(settings, reason):
    x, y = world(500, missing=0.0)
    with pytest.raises(ReleaseError, match=reason):
        read(trained(x, y, trees=2, **settings))


def test_a_torn_or_missing_file_and_wrong_columns_are_named(tmp_path):
    x, y = world(500)
    booster = trained(x, y, trees=2)
    path = tmp_path / "model.txt"
    with pytest.raises(ReleaseError, match=r"model\.txt"):
        GBDT.load(path)
    text = booster.model_to_string()
    for torn in ("", "tree\nnonsense", text[: text.index("leaf_value") + 40], text[: text.index("Tree=1")]):
        path.write_text(torn)
        with pytest.raises(ReleaseError, match=r"model\.txt"):
            GBDT.load(path)
    with pytest.raises(ReleaseError, match="5 features"):
        read(booster).raw(x[:, :4])


def test_scores_that_are_no_probabilities_are_not_sold_as_such():
    x, y = world(500)
    with pytest.raises(ReleaseError, match="no probabilities"):
        read(trained(x, y, trees=2, objective="regression")).probability(x)
