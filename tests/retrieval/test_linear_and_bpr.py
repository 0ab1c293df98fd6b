"""EASE against a plain twin of its optimality conditions, BPR's fold-in, and the order of the newest items."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.learning.bpr import BprRecipe, train_bpr
from shortlist.retrieval.bpr import fold_in_map
from shortlist.retrieval.ease import EaseSource
from shortlist.retrieval.fit import fit_bpr
from shortlist.retrieval.fresh import FreshSource
from shortlist.retrieval.item_neighbours import liked_matrix

DAY_US = 86_400_000_000
N = 30


def items(released=lambda i: None):
    rows = [(i, str(i), f"t{i}", "", [], "", None, released(i)) for i in range(1, N + 1)]
    return pl.DataFrame(rows, schema=ITEMS, orient="row")


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(8)
    rows = sorted(
        (int(u), int(i), int(rng.integers(100)) * DAY_US, 5.0, bool(rng.random() < 0.8))
        for u in range(25)
        for i in rng.choice(np.arange(1, N), size=9, replace=False)
    )
    return Catalogue(items()), pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us")


def with_history(*liked, at_us=0):
    history = Ragged.from_lists(liked)
    requests = (Request(f"r{n}", k=5, at_us=at_us, user=n) for n in range(len(liked)))
    return RequestBatch.of(*requests).with_history(history, history)


@pytest.mark.oracle
def test_ease_minimises_its_loss_with_an_empty_diagonal(world):
    """At the constrained minimum the gradient, Xᵀ(XB - X) + λB, is zero off the diagonal."""
    catalogue, interactions = world
    source = EaseSource.fit(interactions, catalogue, regularization=2.0, kept=N)
    x = liked_matrix(interactions, catalogue).toarray().astype(np.float64)
    b = source.weight.toarray().astype(np.float64)
    gradient = x.T @ (x @ b - x) + 2.0 * b
    assert np.abs(np.diag(b)).max() == 0.0
    assert np.abs(gradient - np.diag(np.diag(gradient))).max() < 1e-4
    assert np.abs(gradient).max() > 0.1


def test_the_latest_like_counts_most(world):
    catalogue, interactions = world
    source = EaseSource.fit(interactions, catalogue, half_life=1.0, kept=N)
    weight = source.weight.toarray()
    found = source.retrieve(with_history([4, 11], [11, 4]))
    one, other = (
        dict(zip(found.item[found.rows_of(r)].tolist(), found.source_score[found.rows_of(r), 0], strict=True))
        for r in (0, 1)
    )
    assert one[7] == pytest.approx(0.5 * weight[4, 7] + weight[11, 7], rel=1e-4)
    assert other[7] == pytest.approx(weight[4, 7] + 0.5 * weight[11, 7], rel=1e-4)


def test_the_largest_weights_are_kept(world):
    catalogue, interactions = world
    whole = np.abs(EaseSource.fit(interactions, catalogue, kept=N).weight.toarray())
    few = EaseSource.fit(interactions, catalogue, kept=3).weight
    assert np.diff(few.indptr).max() == 3
    for line in range(1, N):
        np.testing.assert_allclose(np.sort(np.abs(few.toarray()[line]))[-3:], np.sort(whole[line])[-3:], rtol=1e-6)


def test_ease_takes_the_most_liked_items_where_there_are_too_many(world):
    catalogue, interactions = world
    source = EaseSource.fit(interactions, catalogue, items_at_most=10)
    count = np.asarray(liked_matrix(interactions, catalogue).sum(axis=0))
    taking_part = np.unique(source.weight.tocoo().coords[0])
    assert len(taking_part) == 10
    assert count[taking_part].min() >= np.sort(count)[-10]


def test_bpr_ranks_what_is_liked_above_the_rest(world):
    catalogue, interactions = world
    liked = liked_matrix(interactions, catalogue)
    fitted = train_bpr(liked, recipe=BprRecipe(width=16, epochs=200, batch=64, learning_rate=2e-2), seed=1)
    score = fitted.user @ fitted.item.T + fitted.bias
    held = liked.toarray() > 0
    met = np.flatnonzero(held.any(axis=0))
    wins = [
        np.greater.outer(s[h], s[met[~h[met]]]).mean()  # every liked item against every other that anybody liked
        for s, h in zip(score, held, strict=True)
    ]
    assert np.mean(wins) > 0.9
    assert not fitted.item[~held.any(axis=0)].any()


@pytest.mark.oracle
def test_the_fold_in_is_the_ridge_regression_of_users_on_their_histories(world):
    catalogue, interactions = world
    liked = liked_matrix(interactions, catalogue)
    fitted = train_bpr(liked, recipe=BprRecipe(width=4, epochs=5), seed=1)
    factor = np.column_stack([fitted.item, fitted.bias])
    w = fold_in_map(liked, fitted.user, factor).astype(np.float64)
    phi = np.array([np.append(fitted.item[np.flatnonzero(row)].mean(axis=0), 1.0) for row in liked.toarray()])
    np.testing.assert_allclose(phi.T @ (fitted.user - phi @ w), w, atol=1e-4)


def test_a_fresh_click_changes_the_bpr_user_at_once(world):
    catalogue, interactions = world
    source = fit_bpr(interactions, catalogue, recipe=BprRecipe(width=8, epochs=5))
    before, after, nobody = source.user_vectors(with_history([3], [3, 9], []))
    assert not np.allclose(before, after)
    assert before[-1] == after[-1] == 1.0
    assert not nobody.any()


def test_the_newest_come_first_and_the_future_not_at_all():
    released = {1: 10 * DAY_US, 2: 30 * DAY_US, 3: 20 * DAY_US}
    catalogue = Catalogue(items(released.get))
    rows = [(1, 4, 25 * DAY_US, 5.0, True), (2, 4, 5 * DAY_US, 1.0, False), (1, 1, 28 * DAY_US, 5.0, True)]
    interactions = pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us")
    source = FreshSource.fit(interactions, catalogue, limit=3)
    early = source.retrieve(with_history([], [3], at_us=21 * DAY_US))
    assert early.item.tolist() == [3, 1, 4, 1, 4]
    assert early.source_score[:3, 0].tolist() == [-1.0, -11.0, -16.0]
    late = source.retrieve(with_history([], at_us=40 * DAY_US))
    assert late.item.tolist() == [2, 5, 6]  # what nobody has met counts from the table's end, day 28
