"""List metrics equal trec_eval's and scikit-learn's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import pytrec_eval
import sklearn.metrics

from shortlist.core.arrays import Ragged
from shortlist.evaluation.metrics.auc import auc, grouped_auc
from shortlist.evaluation.metrics.log_loss import log_loss
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.evaluation.metrics.recall import recall

pytestmark = pytest.mark.oracle


def lists(seed, *, ties, n_lists=60):
    """Scored and graded lists of 1 to 40 rows, with judged items that were not found."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 41, n_lists)
    offsets = np.r_[0, np.cumsum(length)]
    n = int(offsets[-1])
    item = np.concatenate([rng.choice(np.arange(100, 1_000), size, replace=False) for size in length])
    score = rng.integers(0, 4, n).astype(float) if ties else rng.permutation(n) / n
    grade = np.where(rng.random(n) < 0.4, rng.integers(1, 4, n), 0)
    missed = [rng.integers(0, 4, rng.integers(0, 6)) for _ in range(n_lists)]
    return score, grade, item, offsets, missed


def trec(score, grade, item, offsets, missed, measures):
    """trec_eval on the same lists. Item names have three digits, so that names and numbers have one order."""
    run, judged = {}, {}
    for r, (low, high) in enumerate(itertools.pairwise(offsets)):
        run[f"q{r}"] = {str(i): float(s) for i, s in zip(item[low:high], score[low:high], strict=True)}
        judged[f"q{r}"] = {str(i): int(g) for i, g in zip(item[low:high], grade[low:high], strict=True)}
        judged[f"q{r}"] |= {f"missed{j}": int(g) for j, g in enumerate(missed[r])}
    results = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(run)
    return [results[f"q{r}"] for r in range(len(offsets) - 1)]


def ideal(grade, offsets, missed):
    return Ragged.from_lists(
        [np.r_[grade[low:high], missed[r]] for r, (low, high) in enumerate(itertools.pairwise(offsets))]
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [5, 10, None])
def test_ndcg_is_that_of_trec_eval_ties_included(ties, k):
    score, grade, item, offsets, missed = lists(1, ties=ties)
    ours = ndcg(score, grade, item, offsets, ideal=ideal(grade, offsets, missed), k=k)
    name = "ndcg" if k is None else f"ndcg_cut_{k}"
    theirs = [
        row[name] for row in trec(score, grade, item, offsets, missed, {"ndcg" if k is None else f"ndcg_cut.{k}"})
    ]
    relevant = ~np.isnan(ours)
    assert relevant.sum() > 40
    np.testing.assert_allclose(ours[relevant], np.array(theirs)[relevant], rtol=0, atol=1e-15)
    assert np.all(np.array(theirs)[~relevant] == 0.0), "trec_eval calls 0 what has no value"


def test_ndcg_is_that_of_scikit_learn_without_ties():
    score, grade, item, offsets, _ = lists(2, ties=False)
    ours = ndcg(score, grade, item, offsets, k=10)
    for r, (low, high) in enumerate(itertools.pairwise(offsets)):
        if high - low > 1 and grade[low:high].any():
            theirs = sklearn.metrics.ndcg_score([grade[low:high]], [score[low:high]], k=10)
            assert ours[r] == pytest.approx(theirs, abs=1e-15)


def test_ndcg_without_the_missed_items_flatters():
    """A negative control: taking the list for all that was judged gives another, never a lower number."""
    score, grade, item, offsets, missed = lists(3, ties=False)
    honest = ndcg(score, grade, item, offsets, ideal=ideal(grade, offsets, missed), k=None)
    flattering = ndcg(score, grade, item, offsets, k=None)
    both = ~np.isnan(honest) & ~np.isnan(flattering)
    assert np.all(flattering[both] >= honest[both])
    assert (flattering[both] - honest[both]).mean() > 0.05


def test_breaking_ties_the_other_way_is_not_trec_eval():
    """A negative control: lowest item first gives other numbers."""
    score, grade, item, offsets, missed = lists(4, ties=True)
    theirs = np.array([row["ndcg_cut_10"] for row in trec(score, grade, item, offsets, missed, {"ndcg_cut.10"})])
    turned = ndcg(score, grade, 1_000 - item, offsets, ideal=ideal(grade, offsets, missed), k=10)
    assert np.nanmax(np.abs(turned - theirs)) > 0.05


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_recall_is_that_of_trec_eval(ties, k):
    score, grade, item, offsets, missed = lists(5, ties=ties)
    n_relevant = np.array([(np.asarray(part) > 0).sum() for part in ideal(grade, offsets, missed)])
    ours = recall(score, grade > 0, item, offsets, n_relevant=n_relevant, k=k)
    theirs = np.array([row[f"recall_{k}"] for row in trec(score, grade, item, offsets, missed, {f"recall.{k}"})])
    np.testing.assert_allclose(ours[n_relevant > 0], theirs[n_relevant > 0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("levels", [3, 1_000, None])
def test_auc_is_that_of_scikit_learn_ties_included(levels):
    rng = np.random.default_rng(6)
    score = rng.random(5_000) if levels is None else rng.integers(0, levels, 5_000).astype(float)
    label = rng.random(5_000) < 0.3 + 0.4 * score / score.max()
    assert auc(score, label) == pytest.approx(sklearn.metrics.roc_auc_score(label, score), abs=1e-14)


def test_grouped_auc_is_scikit_learns_list_by_list():
    score, grade, _, offsets, _ = lists(7, ties=True)
    ours = grouped_auc(score, grade > 0, offsets)
    for r, (low, high) in enumerate(itertools.pairwise(offsets)):
        label = grade[low:high] > 0
        if label.all() or not label.any():
            assert np.isnan(ours[r])
        else:
            assert ours[r] == pytest.approx(sklearn.metrics.roc_auc_score(label, score[low:high]), abs=1e-14)


def test_log_loss_is_that_of_scikit_learn():
    rng = np.random.default_rng(8)
    p, weight = rng.random(2_000), rng.random(2_000)
    label = rng.random(2_000) < p
    assert log_loss(p, label) == pytest.approx(sklearn.metrics.log_loss(label, p), abs=1e-14)
    theirs = sklearn.metrics.log_loss(label, p, sample_weight=weight)
    assert log_loss(p, label, weight=weight) == pytest.approx(theirs, abs=1e-14)
