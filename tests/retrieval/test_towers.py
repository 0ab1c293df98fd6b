"""Towers: NumPy equals torch, misspelt queries are answered."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from shortlist.core.arrays import Ragged
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.features.item_content import content_tokens
from shortlist.learning.query_tower import QueryTowerRecipe, misspelt, train_query_tower
from shortlist.learning.two_tower_arrays import MAX_TOKENS, TwoTowerArrays, latest
from shortlist.learning.two_tower_model import TwoTowerModel
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import SIGNALS, RelevanceScorer

TITLES = (
    "The Terminator", "Terminator 2: Judgment Day", "Toy Story", "Star Wars", "Star Trek: First Contact", "Fargo",
    "The Usual Suspects", "Pulp Fiction", "Chinatown", "Casablanca", "Vertigo", "Jurassic Park", "The Godfather",
    "Goodfellas", "Heat", "The Lion King", "Aladdin", "Dances with Wolves", "Braveheart", "Twelve Monkeys",
)  # fmt: skip


@pytest.fixture(scope="module")
def films():
    n = len(TITLES)
    return Catalogue(
        pl.DataFrame(
            {
                "item": range(1, n + 1),
                "external_id": [str(i) for i in range(n)],
                "title": TITLES,
                "description": [""] * n,
                "categories": [["Film"]] * n,
                "brand": [""] * n,
                "price_micros": [None] * n,
                "released_us": [470_000_000_000_000, *[None] * (n - 1)],
            },
            schema=ITEMS,
        )
    )


@pytest.fixture(scope="module")
def search(films):
    recipe = QueryTowerRecipe(width=32, buckets=4_096, examples=12_000, batch=64)
    return LexicalSource.fit(films), QueryTowerSource(films, train_query_tower(films, recipe=recipe))


def asking(*queries):
    return RequestBatch.of(*(Request(f"r{n}", k=5, at_us=0, query=query) for n, query in enumerate(queries)))


def test_a_misspelt_query_is_answered_by_the_tower_where_words_find_nothing(search):
    lexical, tower = search
    misspelt_query = asking("teminator")
    assert len(lexical.retrieve(misspelt_query)) == 0
    assert set(tower.retrieve(misspelt_query).item[:2].tolist()) == {1, 2}


def test_relevance_ranks_what_a_misspelt_query_meant_first(films, search):
    lexical, tower = search
    batch = asking("teminator", "star wars", "")
    found = tower.retrieve(batch)
    added = RelevanceScorer(films, lexical, tower).score(batch, found)
    relevance, rank_score = added.values()
    assert relevance.tolist() == rank_score.tolist()
    assert ((relevance >= 0) & (relevance <= 1)).all()
    first = [int(found.item[found.rows_of(r)][np.argmax(relevance[found.rows_of(r)])]) for r in (0, 1)]
    assert first[0] in {1, 2}
    assert first[1] == 4


def test_relevance_of_a_pair_does_not_depend_on_the_other_candidates(films, search):
    scorer = RelevanceScorer(films, *search)
    queries = ["star trek", "toy", "unheard-of"]
    request, row = np.repeat([0, 1, 2], 20), np.tile(np.arange(1, 21), 3)
    together = scorer.signals(queries, request, row)
    for n in (3, 24, 45):
        alone = scorer.signals([queries[request[n]]], np.zeros(1, np.int64), row[n : n + 1])
        np.testing.assert_allclose(alone[0], together[n], atol=1e-6)
    assert together.shape == (60, len(SIGNALS))


def test_the_year_can_be_searched(search):
    lexical, _ = search
    assert lexical.retrieve(asking("1984")).item.tolist() == [1]


@pytest.mark.parametrize("query", ["", "   ", "!?", "qqqq"])
def test_words_of_no_item_find_nothing_lexically(search, query):
    assert len(search[0].retrieve(asking(query))) == 0


def test_a_typing_error_changes_one_place():
    draw = np.random.default_rng(0)
    made = {misspelt("terminator", draw) for _ in range(200)}
    assert len(made) > 30
    assert all(abs(len(word) - 10) <= 1 and word[0] == "t" for word in made)
    assert misspelt("usb", draw) == "usb"


def test_the_user_tower_in_numpy_equals_torch():
    torch.manual_seed(1)
    model = TwoTowerModel(9, 4, torch.tensor([[0, 0]] + [[1, 2], [3, 0]] * 4), width=6, hidden=5, history=4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        vectors = model.items(torch.arange(9))
        history = Ragged.from_lists([[1, 2, 3, 4, 5, 6], [8], [2, 7]])
        row = torch.from_numpy(latest(history, 4))
        expected = model.users(vectors, row).numpy()
        parts = (model.recency, model.hidden.weight, model.hidden.bias, model.output.weight, model.output.bias)
        content = model.mix(model.token.weight).numpy()
        arrays = TwoTowerArrays(vectors.numpy(), *(part.detach().numpy() for part in parts), content)
    np.testing.assert_allclose(arrays.user_vectors(history), expected, atol=1e-6)
    assert not arrays.user_vectors(Ragged.from_lists([[]])).any()


def test_the_content_tower_in_numpy_equals_torch(films):
    """Also for items whose tokens are many, and but for tokens that no item of the training had."""
    torch.manual_seed(2)
    buckets = 512
    long = films.table.head(1).with_columns(
        title=pl.lit(" ".join(f"word{n}" for n in range(60))), item=pl.lit(99, pl.Int64)
    )
    catalogue = Catalogue(pl.concat([films.table, long]))
    content = torch.from_numpy(_content_of(catalogue, buckets))
    model = TwoTowerModel(len(catalogue), buckets, content, width=6, hidden=5, history=4)
    with torch.no_grad():
        expected = model.items(torch.arange(1, len(catalogue)), with_id=False).numpy()
        table = model.mix(model.token.weight).numpy().copy()
    blank = np.zeros((1, 6), dtype=np.float32)
    arrays = TwoTowerArrays(blank, *[blank] * 5, content=table)
    np.testing.assert_allclose(arrays.content_vectors(catalogue.table), expected, atol=1e-6)
    table[1:] = 0.0
    assert not arrays.content_vectors(catalogue.table).any()


def _content_of(catalogue, buckets):
    found = content_tokens(catalogue.table, buckets)
    rows = [np.empty(0, np.int64), *(found[n][::-1] for n in range(len(found)))]
    return latest(Ragged.from_lists(rows), MAX_TOKENS)


def test_latest_in_the_middle_of_a_batch_reads_its_own_list_only():
    assert latest(Ragged.from_lists([[1, 2], [3], [4, 5, 6]]), 3).tolist() == [[2, 1, 0], [3, 0, 0], [6, 5, 4]]
