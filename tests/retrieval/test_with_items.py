"""Items that come after an index was made are scored as if they had been there, and move nobody else's score."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.learning.query_tower import QueryTowerRecipe, train_query_tower
from shortlist.retrieval.field_counts import FieldCounts, FieldWeights, with_items
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.testing import tiny_items

QUERIES = ["red kettle", "kettles", "desk lamp acme", "teapot", "head set", "headset", "green teapots", ""]


def new(**changes):
    line = dict.fromkeys(ITEMS) | {"categories": [], "brand": "", "description": "", "title": ""}
    return line | {"external_id": str(changes["item"])} | changes


def table(*lines):
    return pl.DataFrame(list(lines), schema=ITEMS)


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [FieldWeights(), FieldWeights(title=0.0, written=0.0), FieldWeights(details=2.0)])
def test_a_twin_of_an_item_has_its_score_and_the_others_keep_theirs(weights):
    index = FieldCounts.of(Catalogue(tiny_items())).index(weights)
    longer = with_items(index, tiny_items())
    before, after = index.score(QUERIES).dense(), longer.score(QUERIES).dense()
    np.testing.assert_array_equal(after[:, :5], before)
    np.testing.assert_allclose(after[:, 5:], before[:, 1:], rtol=1e-6, atol=1e-8)


@pytest.mark.oracle
def test_a_new_word_in_arithmetic():
    """N = 4, one new item holds the word: idf = log(1 + 3.5 / 1.5); T = 3 / (1 - .75 + .75 · 1/2), taken twice."""
    index = FieldCounts.of(Catalogue(tiny_items())).index(FieldWeights(written=0.5))
    longer = with_items(index, table(new(item=90, title="teapot")))
    t = 3.0 / (1.0 - 0.75 + 0.75 * 1.0 / 2.0)  # titles of the world have two words
    expected = np.log(1.0 + 3.5 / 1.5) * t / (1.2 + t) * 1.5
    assert longer.score(["teapot"]).dense()[0].tolist() == pytest.approx([0, 0, 0, 0, 0, expected], rel=1e-5)


def test_stems_and_joined_words_of_new_items_are_found():
    source = LexicalSource.fit(Catalogue(tiny_items()))
    catalogue = Catalogue(tiny_items()).extended(
        table(new(item=90, title="Green teapots"), new(item=91, title="A headset"), new(item=92))
    )
    longer = source.extended(catalogue)
    asked = RequestBatch.of(*(Request(str(n), k=3, at_us=0, query=q) for n, q in enumerate(QUERIES)))
    found = longer.retrieve(asked)
    by_query = [found.item[found.rows_of(n)].tolist() for n in range(len(QUERIES))]
    assert by_query[3][0] == by_query[6][0] == 90
    assert by_query[4] == by_query[5] == [91]
    assert source.retrieve(asked).item.tolist() == [i for i in found.item.tolist() if i < 90]


def test_files_bring_back_an_index_that_can_be_extended(tmp_path):
    source = LexicalSource.fit(Catalogue(tiny_items()))
    source.save(tmp_path)
    catalogue = Catalogue(tiny_items()).extended(table(new(item=90, title="Green teapots")))
    again = LexicalSource.load(tmp_path, catalogue.base).extended(catalogue)
    assert again.score(QUERIES).dense().tolist() == source.extended(catalogue).score(QUERIES).dense().tolist()


def test_the_query_tower_reads_a_new_items_text_as_it_read_the_others():
    catalogue = Catalogue(tiny_items())
    recipe = QueryTowerRecipe(width=16, buckets=4_096, examples=2_000, batch=64)
    source = QueryTowerSource(catalogue, train_query_tower(catalogue, recipe=recipe))
    twin = tiny_items().head(1).with_columns(item=pl.lit(90, dtype=pl.Int64))
    longer = catalogue.extended(pl.concat([twin, table(new(item=91))]))
    source.add(longer)
    np.testing.assert_allclose(source.item_vectors[5], source.item_vectors[1], atol=1e-6)
    assert not source.item_vectors[6].any()
    found = source.retrieve(RequestBatch.of(Request("r", k=9, at_us=0, query="red kettle")))
    assert {10, 90} == set(found.item[:2].tolist())
    assert 91 not in found.item.tolist()
