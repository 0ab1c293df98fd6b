"""What each feature adds: it adds up, it is the definition, and it is nothing for what both rows share."""

from itertools import permutations

import lightgbm as lgb
import numpy as np
import pytest

from shortlist.ranking.contributions import shapley_values
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_file import read_trees


def by_definition(score, n):
    """The mean gain over all orders."""
    phi = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        own = np.zeros((n + 1, n), dtype=bool)
        for step, feature in enumerate(order):
            own[step + 1 :, feature] = True
        phi[list(order)] += np.diff(score(own))
    return phi / len(orders)


def tangled(own):
    """A score with terms of up to three features."""
    x = np.where(own, [1.0, -2.0, 0.5, 3.0, 1.5], [0.0, 1.0, 2.0, -1.0, 0.5])
    return np.sin(x[:, 0] * x[:, 1]) + x[:, 2] * x[:, 3] * x[:, 4] + 0.3 * x[:, 4]


def test_the_parts_add_up_whatever_the_orders():
    for orders in (1, 2, 7):
        phi, _ = shapley_values(tangled, 5, orders=orders, rng=orders)
        ends = tangled(np.array([[False] * 5, [True] * 5]))
        assert phi.sum() == pytest.approx(ends[1] - ends[0], abs=1e-12)


@pytest.mark.statistical
def test_drawn_orders_come_to_the_definition_within_their_error():
    """Five features, each within five standard errors: a fresh seed fails less than once in 100,000."""
    exact = by_definition(tangled, 5)
    phi, error = shapley_values(tangled, 5, orders=400)
    assert (np.abs(phi - exact) < 5 * error + 1e-12).all()
    assert error.max() < 0.15
    assert np.abs(shapley_values(tangled, 5, orders=2)[0] - exact).max() > 0.1, "few orders do not split it right"


def test_one_pair_of_orders_is_exact_for_a_sum_and_for_pairs():
    """An order and its reverse: of two features that work together, each comes first once."""

    def pairs(own):
        return own @ np.array([1.0, -2.0, 0.5, 4.0]) + 3.0 * (own[:, 0] & own[:, 2])

    phi, _ = shapley_values(pairs, 4, orders=1)
    np.testing.assert_allclose(phi, by_definition(pairs, 4), atol=1e-12)


def trees(categories=(), **settings):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_000, 6))
    x[:, 4], x[:, 5] = rng.integers(0, 5, 2_000), rng.integers(0, 60, 2_000)
    y = (x[:, 0] * x[:, 1] + np.sin(x[:, 5]) + (x[:, 4] == 2) + 0.3 * rng.normal(size=2_000) > 0.3).astype(int)
    x[rng.random(x.shape) < 0.15] = np.nan
    x[:, :3][rng.random((2_000, 3)) < 0.1] = 0.0
    quiet = {"verbose": -1, "num_threads": 1, "seed": 1, "deterministic": True, "max_cat_to_onehot": 2} | settings
    data = lgb.Dataset(x, y, categorical_feature=list(categories), params=quiet)
    booster = lgb.train({"objective": "binary", "num_leaves": 15} | quiet, data, 12)
    return GBDT(read_trees(booster.model_to_string(), where="model.txt")), x


@pytest.mark.oracle
@pytest.mark.parametrize("categories", [(), (4, 5)])
@pytest.mark.parametrize("settings", [{}, {"zero_as_missing": True}, {"use_missing": False}])
def test_of_trees_they_are_the_definition(categories, settings):
    """All 720 orders of six features, scored by the served trees; missing values and categories among them."""
    model, x = trees(categories, **settings)
    for row in range(0, 12, 2):
        own, other = x[row], x[row + 1]
        exact = by_definition(lambda taken, a=own, b=other: model.raw(np.where(taken, a, b)), 6)
        phi = model.contributions(own, other)
        np.testing.assert_allclose(phi, exact, atol=1e-9)
        ends = model.raw(np.stack([own, other]))
        assert phi.sum() == pytest.approx(ends[0] - ends[1], abs=1e-9)


def test_of_trees_what_both_rows_share_adds_nothing():
    model, x = trees()
    other = x[1].copy()
    other[[0, 3]] = x[0][[0, 3]]
    phi = model.contributions(x[0], other)
    assert phi[0] == phi[3] == 0.0
    assert np.abs(phi).max() > 0.0
    np.testing.assert_array_equal(model.contributions(x[0], x[0]), np.zeros(6))
