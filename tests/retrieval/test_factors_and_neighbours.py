"""ALS, item neighbours, popularity against plain twins of their formulas."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.errors import ShortlistError
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.fit import fit_als
from shortlist.retrieval.item_neighbours import ItemNeighbourSource
from shortlist.retrieval.popular import PopularSource

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(8)
    n = 30
    items = pl.DataFrame(
        [(i, str(i), f"t{i}", "", [], "", None, None) for i in range(1, n + 1)], schema=ITEMS, orient="row"
    )
    rows = sorted(
        (int(u), int(i), int(rng.integers(100)) * DAY_US, 5.0, bool(rng.random() < 0.8))
        for u in range(25)
        for i in rng.choice(np.arange(1, n + 1), size=9, replace=False)
    )
    return Catalogue(items), pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us")


def with_history(*liked):
    history = Ragged.from_lists(liked)
    requests = (Request(f"r{n}", k=5, at_us=0, user=n) for n in range(len(liked)))
    return RequestBatch.of(*requests).with_history(history, history)


@pytest.mark.oracle
def test_the_folded_in_user_minimises_the_loss_that_training_minimised(world):
    catalogue, interactions = world
    source = fit_als(interactions, catalogue)
    liked = [3, 7, 20]
    x = source.user_factors(with_history([5], liked))[1].astype(np.float64)
    y = source.factor.astype(np.float64)

    def loss(v):
        p, c = np.zeros(len(y)), np.ones(len(y))
        p[liked], c[liked] = 1.0, source.confidence
        return float((c * (p - y @ v) ** 2).sum() + source.regularization * v @ v)

    rng = np.random.default_rng(0)
    assert all(loss(x) < loss(x + 1e-2 * rng.standard_normal(len(x))) for _ in range(50))


def test_an_item_that_was_liked_often_counts_once(world):
    catalogue, interactions = world
    source = fit_als(interactions, catalogue)
    once, often = source.user_factors(with_history([7, 3, 20], [3] * 50 + [7, 20, 7]))
    assert np.array_equal(once, often)


@pytest.mark.oracle
def test_the_folded_in_user_equals_that_of_implicit(world):
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    catalogue, interactions = world
    source = fit_als(interactions, catalogue)
    with threadpool_limits(1, "blas"):
        peer = AlternatingLeastSquares(
            factors=source.factor.shape[1], regularization=source.regularization, alpha=source.confidence
        )
    peer.item_factors = source.factor
    liked = csr_matrix((np.ones(3, np.float32), ([0, 0, 0], [3, 7, 20])), shape=(1, len(catalogue)))
    expected = peer.recalculate_user(0, liked)
    np.testing.assert_allclose(source.user_factors(with_history([3, 7, 20]))[0], expected, rtol=1e-3, atol=1e-5)


def test_a_fresh_click_changes_the_user_at_once(world):
    catalogue, interactions = world
    source = fit_als(interactions, catalogue)
    assert isinstance(source, AlsSource)
    before, after = source.user_factors(with_history([3], [3, 9]))
    assert not np.allclose(before, after)


@pytest.mark.parametrize(("confidence", "regularization"), [(0.5, 1.0), (10.0, 0.0), (10.0, -1.0), (np.nan, 1.0)])
def test_constants_that_leave_a_factor_open_are_refused(world, confidence, regularization):
    factor = np.zeros((len(world[0]), 2), dtype=np.float32)
    with pytest.raises(ShortlistError, match="confidence is"):
        AlsSource(world[0], factor, confidence=confidence, regularization=regularization)


@pytest.mark.oracle
def test_neighbours_equal_the_dense_formula(world):
    catalogue, interactions = world
    source = ItemNeighbourSource.fit(interactions, catalogue, shrinkage=2.0, neighbours=1_000)
    likes = {(u, i) for u, i in interactions.filter(pl.col("positive")).select("user", "item").iter_rows()}
    users = {u for u, _ in likes}
    count = {i: sum((u, i) in likes for u in users) for i in range(1, 31)}

    def similarity(i, j):
        both = sum((u, i) in likes and (u, j) in likes for u in users)
        return 0.0 if i == j else both / (math.sqrt(count[i] * count[j]) + 2.0)

    found = source.retrieve(with_history([4, 11]))
    assert len(found)
    for item, score in zip(found.item.tolist(), found.source_score[:, 0].tolist(), strict=True):
        assert score == pytest.approx(similarity(4, item) + similarity(11, item), rel=1e-5)


def test_only_the_nearest_neighbours_are_kept(world):
    catalogue, interactions = world
    source = ItemNeighbourSource.fit(interactions, catalogue, neighbours=3)
    assert np.diff(source.similarity.indptr).max() == 3


@pytest.mark.oracle
def test_popularity_halves_with_each_half_life(world):
    catalogue, _ = world
    rows = [
        (1, 5, 0, 5.0, True),
        (2, 5, 10 * DAY_US, 5.0, True),
        (1, 6, 20 * DAY_US, 5.0, True),
        (3, 7, 20 * DAY_US, 1.0, False),
    ]
    interactions = pl.DataFrame(rows, schema=INTERACTIONS, orient="row")
    source = PopularSource.fit(interactions, catalogue, half_life_days=10.0)
    found = source.retrieve(with_history([], [6]))
    assert found.item.tolist() == [6, 5, 5]
    assert found.source_score[:, 0].tolist() == [1.0, 0.75, 0.75]
