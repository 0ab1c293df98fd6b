"""Transforms keep order, are finite everywhere, and are what their formulas say."""

import numpy as np
import pytest
from scipy import stats

from shortlist.core.errors import DataError
from shortlist.features.transforms import Transform
from shortlist.features.vocabulary import Vocabulary

KINDS = ("none", "log", "quantile")


@pytest.mark.parametrize("kind", KINDS)
def test_order_is_kept_and_nothing_is_infinite(kind):
    x = np.random.default_rng(0).lognormal(sigma=3.0, size=3_000)
    t = Transform.fit(kind, x)
    y = t.apply(np.sort(x))
    assert np.isfinite(y).all()
    assert (np.diff(y) >= 0).all()
    assert t.apply(np.array([np.nan])).tolist() == [0.0]


def test_quantiles_make_a_normal_of_anything():
    """Kolmogorov's distance of 3,000 values; 257 knots and clipped tails together leave less than .01."""
    x = np.random.default_rng(1).lognormal(sigma=3.0, size=3_000)
    y = Transform.fit("quantile", x).apply(x)
    assert stats.kstest(y, "norm").statistic < 0.01


def test_equal_values_share_the_middle_of_their_ranks():
    x = np.array([0.0] * 60 + [1.0] * 40)
    low, high = Transform.fit("quantile", x).apply(np.array([0.0, 1.0]))
    assert (low, high) == pytest.approx((stats.norm.ppf(0.3), stats.norm.ppf(0.8)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_and_an_empty_column_are_zero(kind):
    for x in (np.full(5, 7.0), np.full(5, np.nan), np.empty(0)):
        t = Transform.fit(kind, x)
        assert t.apply(np.array([np.nan])).tolist() == [0.0]
        assert np.isfinite(t.apply(np.array([-1e9, 7.0, 1e9]))).all()
    assert Transform.fit(kind, np.full(5, 7.0)).apply(np.array([7.0])).tolist() == [0.0]


@pytest.mark.parametrize("kind", KINDS)
def test_infinite_numbers_are_refused(kind):
    with pytest.raises(DataError, match="infinite"):
        Transform.fit(kind, np.array([1.0, np.inf]))
    with pytest.raises(DataError, match="infinite"):
        Transform.fit(kind, np.array([1.0, 2.0])).apply(np.array([-np.inf]))


def test_a_vocabulary_numbers_by_frequency_and_keeps_what_is_met_often_enough():
    keys = np.array([5, 9, 9, 2, 2, -1, -1, -1])
    assert Vocabulary.fit(keys).keys.tolist() == [2, 9, 5]
    assert Vocabulary.fit(keys, least=2).numbers(np.array([[9, 5], [2, -1]])).tolist() == [[2, 0], [1, 0]]
    assert Vocabulary.fit(np.array([-1])).numbers(np.array([3, -1])).tolist() == [0, 0]
