"""The benchmark of unbiased learning to rank: its world, its log, and what is learned from it, made small."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from benchmarks.ltr import ndcg_at_10
from benchmarks.ultr import CURVE, READERS, click_log, curves, market, nets

LOGGED, HELD_OUT = np.arange(150), np.arange(150, 250)


@pytest.fixture(scope="module")
def queries():
    return market(groups=25, intents=10, seed=4)


@pytest.fixture(scope="module")
def log(queries):
    return click_log(queries, READERS["PBM"], LOGGED, 3_000, np.random.default_rng(4))


@pytest.fixture(scope="module")
def ndcg(queries, log):
    judged = queries.lists(HELD_OUT)
    rankers = nets(log, queries, LOGGED, 4)
    return {name: ndcg_at_10(ranker.score(judged.features), judged).mean() for name, ranker in rankers.items()}


def test_grades_follow_attraction(queries):
    order = np.argsort(queries.attraction, axis=None)
    assert (np.diff(queries.grade.ravel()[order]) >= 0).all()
    assert np.bincount(queries.grade.ravel()) / queries.grade.size == pytest.approx(
        [0.5, 0.2, 0.15, 0.1, 0.05], abs=0.01
    )


def test_the_log_holds_no_truth_and_no_held_out_query(log):
    assert {field.name for field in dataclasses.fields(log)} == {"query", "item", "lists", "partner"}
    assert set(log.query) <= set(LOGGED)
    assert (np.diff(np.sort(log.item, axis=1), axis=1) > 0).all()


def test_the_curves_come_nearer_the_true_one_than_click_rates_do(log):
    rates = log.lists.click.mean(axis=0)
    for curve in curves(log)[1:]:
        assert np.abs(curve.examination - CURVE).mean() < np.abs(rates / rates[0] - CURVE).mean(), curve.method


def test_trust_bias_adds_clicks_at_the_top(queries, log):
    trusting = click_log(queries, READERS["trust bias"], LOGGED, 3_000, np.random.default_rng(4))
    assert trusting.lists.click[:, 0].mean() > 1.3 * log.lists.click[:, 0].mean()


def test_clicks_win_back_half_of_what_place_bias_costs(ndcg):
    """The negative control is the naive ranker: the same net, loss and clicks, all with a weight of 1."""
    middle = (ndcg["naive clicks"] + ndcg["true labels"]) / 2.0
    assert ndcg["naive clicks"] < ndcg["true labels"] - 0.05
    for name in ("IPS, estimated curve", "additive position tower", "dual learning", "IPS, oracle curve"):
        assert ndcg[name] > middle, name
