"""List metrics: arithmetic spelled out, properties, and what they refuse."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.arrays import Ragged
from shortlist.core.errors import DataError
from shortlist.evaluation.metrics.auc import auc, grouped_auc
from shortlist.evaluation.metrics.log_loss import log_loss
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall
from shortlist.evaluation.ranked import ranked

ROWS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=25)
checked = settings(derandomize=True, max_examples=80)


def columns(rows):
    score, grade, _ = (np.array(column) for column in zip(*rows, strict=True))
    # A list ends after a row whose third part is true, and at the end.
    ends = [i + 1 for i, row in enumerate(rows) if row[2]]
    offsets = np.array(sorted({0, *ends, len(rows)}))
    return score.astype(float), grade, np.arange(100, 100 + len(rows)), offsets


def test_ndcg_spelled_out():
    score = np.array([0.9, 0.8, 0.7, 5.0])
    grade = np.array([2, 0, 3, 0])
    first = (2 / math.log2(2) + 3 / math.log2(4)) / (3 / math.log2(2) + 2 / math.log2(3))
    values = ndcg(score, grade, np.array([1, 2, 3, 4]), np.array([0, 3, 3, 4]))
    assert values[0] == pytest.approx(first, abs=1e-15)
    assert np.isnan(values[1:]).all(), "an empty list, and one with nothing relevant, have no value"


def test_ndcg_of_a_list_that_found_nothing_is_0():
    ideal = Ragged.from_lists([[3, 1]])
    empty = np.empty(0)
    assert ndcg(empty, empty, empty.astype(int), np.array([0, 0]), ideal=ideal).tolist() == [0.0]


def test_negative_grades_are_irrelevant():
    item, offsets = np.array([1, 2]), np.array([0, 2])
    score = np.array([2.0, 1.0])
    assert ndcg(score, np.array([-2, 1]), item, offsets) == ndcg(score, np.array([0, 1]), item, offsets)


@pytest.mark.property
@checked
@given(ROWS)
def test_many_lists_are_each_list_alone(rows):
    score, grade, item, offsets = columns(rows)
    for metric in (
        lambda s, g, i, o: ndcg(s, g, i, o, k=3),
        lambda s, g, i, o: recall(s, g > 1, i, o, k=3),
        lambda s, g, i, o: grouped_auc(s, g > 1, o),
    ):
        together = metric(score, grade, item, offsets)
        alone = [
            metric(score[low:high], grade[low:high], item[low:high], np.array([0, high - low]))[0]
            for low, high in itertools.pairwise(offsets)
        ]
        np.testing.assert_array_equal(together, alone)


@pytest.mark.property
@checked
@given(ROWS, st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(rows, seed):
    score, grade, item, _ = columns(rows)
    offsets = np.array([0, len(rows)])
    turn = np.random.default_rng(seed).permutation(len(rows))
    for k in (1, 5, None):
        np.testing.assert_array_equal(
            ndcg(score, grade, item, offsets, k=k), ndcg(score[turn], grade[turn], item[turn], offsets, k=k)
        )
        np.testing.assert_array_equal(
            recall(score, grade > 1, item, offsets, k=k), recall(score[turn], grade[turn] > 1, item[turn], offsets, k=k)
        )
    np.testing.assert_array_equal(auc(score, grade > 1), auc(score[turn], grade[turn] > 1))


@pytest.mark.property
@checked
@given(ROWS)
def test_only_the_order_of_the_scores_matters(rows):
    score, grade, item, offsets = columns(rows)
    np.testing.assert_array_equal(ndcg(score, grade, item, offsets), ndcg(np.exp(score), grade, item, offsets))
    np.testing.assert_array_equal(
        grouped_auc(score, grade > 1, offsets), grouped_auc(3.0 * score - 7.0, grade > 1, offsets)
    )


@pytest.mark.property
@checked
@given(ROWS)
def test_turning_the_scores_round_turns_the_auc_round(rows):
    score, grade, _, offsets = columns(rows)
    both = grouped_auc(score, grade > 1, offsets) + grouped_auc(-score, grade > 1, offsets)
    np.testing.assert_allclose(both[~np.isnan(both)], 1.0, atol=1e-12)


@pytest.mark.property
@checked
@given(ROWS)
def test_values_are_shares_and_the_best_order_is_worth_1(rows):
    score, grade, item, offsets = columns(rows)
    for values in (ndcg(score, grade, item, offsets), recall(score, grade > 0, item, offsets, k=2)):
        assert np.all((values[~np.isnan(values)] >= 0.0) & (values[~np.isnan(values)] <= 1.0))
    best = ndcg(grade, grade, item, offsets)
    np.testing.assert_allclose(best[~np.isnan(best)], 1.0, atol=1e-15)


def test_recall_counts_what_was_not_found():
    hit = np.array([True, False, True])
    score, item, offsets = np.array([3.0, 2.0, 1.0]), np.array([1, 2, 3]), np.array([0, 3])
    assert recall(score, hit, item, offsets, k=2).tolist() == [1 / 2]
    assert recall(score, hit, item, offsets, n_relevant=np.array([8]), k=3).tolist() == [2 / 8]
    assert np.isnan(recall(score, ~hit & hit, item, offsets, k=2)).all()


def test_an_auc_without_pairs_has_no_value():
    assert np.isnan(auc(np.array([1.0, 2.0]), np.array([1, 1])))
    assert np.isnan(auc(np.empty(0), np.empty(0)))


def test_being_sure_and_wrong_is_infinitely_bad():
    assert log_loss(np.array([0.0]), np.array([1])) == np.inf
    assert log_loss(np.array([0.0, 1.0]), np.array([0, 1])) == 0.0


def test_scores_that_are_not_numbers_are_refused():
    with pytest.raises(DataError, match="row 1"):
        ranked(np.array([1.0, np.nan]), np.array([1, 2]), np.array([0, 2]))


@pytest.mark.parametrize("offsets", [[0, 1], [1, 2], [0, 2, 1, 2], []])
def test_offsets_that_do_not_fit_are_refused(offsets):
    with pytest.raises(DataError, match="do not divide 2 rows"):
        ranked(np.array([1.0, 2.0]), np.array([1, 2]), np.array(offsets, dtype=np.int64))
