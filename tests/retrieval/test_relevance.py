"""Relevance: its signals against a plain twin, figures by hand, and a cross-validation that does not leak."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from shortlist.core.candidates import Candidates
from shortlist.datasets.dataset import ITEMS, JUDGEMENTS
from shortlist.features.catalogue import Catalogue
from shortlist.learning.query_tower_arrays import QueryTowerArrays
from shortlist.learning.two_tower_arrays import unit
from shortlist.retrieval.field_counts import FieldCounts
from shortlist.retrieval.graded_queries import GradedQueries
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer
from shortlist.retrieval.relevance_tuning import cross_validate, folds_of, tune

KINDS = ("kettle", "lamp", "chair", "mouse")
COLOURS = ("red", "green", "blue", "black", "white")


@pytest.fixture(scope="module")
def shop():
    """60 items: a third name their kind in the title, a third in the summary, a third in the details."""
    rows = []
    for n in range(60):
        kind, colour = KINDS[n % 4], COLOURS[n % 5]
        title, summary, details = [(kind, "", ""), ("thing", kind, ""), ("thing", "", kind)][n // 20]
        text = f"{summary} {colour}\n{details}"
        rows.append((n + 1, str(n), f"{title} {n}", text, [KINDS[(n + n // 20) % 4]], "", None, None))
    return Catalogue(pl.DataFrame(rows, schema=ITEMS, orient="row"))


@pytest.fixture(scope="module")
def tower(shop):
    rng = np.random.default_rng(3)
    embedding = rng.normal(size=(513, 8)).astype(np.float32)
    vectors = unit(rng.normal(size=(len(shop), 8)).astype(np.float32))
    embedding[0] = vectors[0] = 0.0
    return QueryTowerSource(shop, QueryTowerArrays(embedding, vectors))


@pytest.mark.oracle
def test_signals_equal_their_definitions(shop, tower):
    lexical = LexicalSource.fit(shop)
    queries = ["red kettle", "mouse", "unheard-of", ""]
    n = len(shop) - 1
    request, row = np.repeat(np.arange(4), n), np.tile(np.arange(1, n + 1), 4)
    got = RelevanceScorer(shop, lexical, tower).signals(queries, request, row).reshape(4, n, 3)
    scores, vectors = lexical.score(queries).dense(), tower.query_vectors(queries)
    for r in range(4):
        best = max(scores[r].max(), 1e-12)
        share = dict.fromkeys(shop.categories, 0.0)
        for top in sorted(range(1, n + 1), key=lambda i: (-scores[r, i], i))[:20]:
            for category in shop.table["categories"][top - 1].to_list():
                share[category] += scores[r, top]
        most = max(*share.values(), 1e-12)
        of_item = [share[names[0]] / most for names in shop.table["categories"].to_list()]
        np.testing.assert_allclose(got[r, :, 0], scores[r, 1:] / best, rtol=1e-5)
        np.testing.assert_allclose(got[r, :, 1], of_item, rtol=1e-5)
        np.testing.assert_allclose(got[r, :, 2], np.maximum(tower.item_vectors[1:] @ vectors[r], 0.0), atol=1e-6)


def test_figures_by_hand(shop):
    table = [("lamp", 2, 3), ("lamp", 6, 2), ("lamp", 1, 1), ("lamp", 3, 0), ("chair", 3, 1), ("sofa", 4, 0)]
    graded = GradedQueries(shop, pl.DataFrame(table, schema=JUDGEMENTS, orient="row"))
    assert graded.queries == ("chair", "lamp", "sofa")
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    by_item = graded.judged(-graded.row.astype(float))
    np.testing.assert_allclose(by_item, [1.0, (1 + 3 / math.log2(3) + 2 / math.log2(5)) / ideal, np.nan])
    found = Candidates.found("any", np.array([0, 1, 3, 4]), np.array([3, 9, 2, 4]), np.array([1.0, 2.0, 1.0, 1.0]))
    grade = graded.grades(found)
    assert grade.tolist() == [1, 0, 3, 0], "nobody judged 9 for a lamp"
    ndcg, recall = graded.retrieved(found, grade, found.source_score[:, 0])
    np.testing.assert_allclose(ndcg, [1.0, 3 / math.log2(3) / ideal, np.nan])
    np.testing.assert_allclose(recall, [np.nan, 1 / 2, np.nan], err_msg="the better half of 0 to 3 is 2 and 3")


def graded_by(shop, wanted):
    """Twelve queries; each grades the items of its kind and colour by which third they are of."""
    rows = [
        (f"{COLOURS[q % 5]} {KINDS[q % 4]} {q}", n + 1, wanted[q][n // 20])
        for q in range(12)
        for n in range(60)
        if n % 4 == q % 4
    ]
    return pl.DataFrame(rows, schema=JUDGEMENTS, orient="row")


TITLE, DETAILS = (3, 1, 0), (0, 1, 3)


def test_tuning_finds_where_the_words_are(shop, tower):
    counts = FieldCounts.of(shop)
    in_title = tune(shop, counts, tower, graded_by(shop, [TITLE] * 12)).fields
    in_details = tune(shop, counts, tower, graded_by(shop, [DETAILS] * 12)).fields
    assert in_title.title > in_title.details
    assert in_details.title / in_details.details < in_title.title / in_title.details
    assert tune(shop, counts, tower, graded_by(shop, [(0, 0, 0)] * 12)).fields.title == 1.0, "nothing to go by"


def test_a_query_is_scored_by_weights_that_its_grades_did_not_touch(shop, tower):
    """The grades of one fold are turned around: the weights for that fold stay, and the negative control's move."""
    counts = FieldCounts.of(shop)
    straight = graded_by(shop, [TITLE] * 12)
    before = cross_validate(shop, counts, tower, straight, folds=3, rng=0)
    order = [int(query.split()[-1]) for query in before.queries]
    fold = folds_of(12, folds=3, rng=0)
    turned = {order[place] for place in np.flatnonzero(fold == 1)}
    other = graded_by(shop, [DETAILS if q in turned else TITLE for q in range(12)])
    after = cross_validate(shop, counts, tower, other, folds=3, rng=0)
    for place in np.flatnonzero(fold == 1):
        assert after.weights[place] == before.weights[place]
    assert tune(shop, counts, tower, other) != tune(shop, counts, tower, straight), "grades do move weights"
    assert after.relevance[0, fold == 1].mean() < before.relevance[0, fold == 1].mean(), "and a held-out fold pays"


def test_folds_are_even_and_repeat():
    fold = folds_of(89, folds=5, rng=7)
    assert sorted(np.bincount(fold).tolist()) == [17, 18, 18, 18, 18]
    assert fold.tolist() == folds_of(89, folds=5, rng=7).tolist()
