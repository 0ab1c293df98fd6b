"""BM25F against a plain twin and against bm25s; spellings, joined words, fields."""

from __future__ import annotations

import math

import bm25s
import numpy as np
import polars as pl
import pytest

from shortlist.core.errors import ReleaseError
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import words
from shortlist.retrieval.bm25f import Bm25fIndex, joined_words, stems
from shortlist.retrieval.field_counts import FieldCounts, FieldWeights
from shortlist.retrieval.lexical import LexicalSource

SHELF = (
    ("Red kettles and a kettle", "Acme", ["kettles"], "Boils water\ncolour: red. volume: 2 litres"),
    ("Blue kettle with a very long tail of words", "Acme", ["kettles"], ""),
    ("Green lamp", "Lumen", ["lamps", "lighting"], "A lamp for reading\ncolour: green"),
    ("Lumen head set", "Lumen", ["audio"], "\ncolour: black"),
    ("Acme headset", "Acme", ["audio"], "For games and for gaming"),
)
QUERIES = ("red kettle", "kettle lamp lamp", "head set", "gaming", "lumen lighting", "nothing here", "")
ONE_FIELD = FieldWeights(title=1.0, brand=0.0, categories=0.0, summary=0.0, details=0.0, written=0.0)


def catalogue_of(*items, released_us=None):
    return Catalogue(
        pl.DataFrame(
            [
                (n, str(n), title, text, categories, brand, None, released_us)
                for n, (title, brand, categories, text) in enumerate(items, start=1)
            ],
            schema=ITEMS,
            orient="row",
        )
    )


@pytest.fixture(scope="module")
def shelf():
    return catalogue_of(*SHELF)


def twin(query, weights, k1=1.2, b=0.75):
    """The formula, word by word."""
    fields = {"title": [], "brand": [], "categories": [], "summary": [], "details": []}
    for title, brand, categories, text in SHELF:
        summary, _, details = text.partition("\n")
        texts = (title, brand, " ".join(categories), summary, details)
        for field, part in zip(fields.values(), texts, strict=True):
            field.append(words(part))
    known = {word for field in fields.values() for text in field for word in text}

    def score(reduced, item):
        asked = words(query)
        total = 0.0
        for term in reduced(asked + joined_words(asked, known)):

            def frequency(i, term=term):
                t = 0.0
                for name, texts in fields.items():
                    mean = sum(map(len, texts)) / len(texts)
                    count = reduced(texts[i] + joined_words(texts[i], known)).count(term)
                    t += getattr(weights, name) * count / (1 - b + b * len(texts[i]) / mean) if count else 0.0
                return t

            held = sum(frequency(i) > 0 for i in range(len(SHELF)))
            idf = math.log(1 + (len(SHELF) - held + 0.5) / (held + 0.5))
            total += idf * frequency(item) / (k1 + frequency(item))
        return total

    return [score(stems, i) + weights.written * score(list, i) for i in range(len(SHELF))]


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [FieldWeights(), ONE_FIELD, FieldWeights(title=0.7, details=2.0, written=1.5)])
def test_bm25f_equals_the_formula(shelf, weights):
    got = FieldCounts.of(shelf).index(weights).score(QUERIES).dense()
    assert not got[:, 0].any(), "the unknown item"
    for r, query in enumerate(QUERIES):
        np.testing.assert_allclose(got[r, 1:], twin(query, weights), rtol=1e-5, atol=1e-7)


@pytest.mark.oracle
def test_one_field_of_stems_is_the_bm25_of_bm25s(shelf):
    got = FieldCounts.of(shelf).index(ONE_FIELD).score(["red kettle", "lamps", "a lumen"]).dense()
    peer = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    peer.index([stems(words(title)) for title, *_ in SHELF], show_progress=False)
    for r, query in enumerate(("red kettle", "lamps", "a lumen")):
        np.testing.assert_allclose(got[r, 1:], peer.get_scores(stems(words(query))), rtol=1e-5, atol=1e-7)


def test_counts_of_the_queries_words_alone_give_the_same_scores(shelf):
    counts = FieldCounts.of(shelf)
    some = counts.only(QUERIES)
    assert len(some.written) < len(counts.written)
    np.testing.assert_allclose(
        some.index().score(QUERIES).dense(), counts.index().score(QUERIES).dense(), rtol=1e-6, atol=1e-8
    )


def first(source, query):
    return source.retrieve(RequestBatch.of(Request("r", k=5, at_us=0, query=query))).item.tolist()


def test_two_words_and_one_find_each_other(shelf):
    source = LexicalSource.fit(shelf)
    assert set(first(source, "headset")) == set(first(source, "head set")) == {4, 5}
    assert joined_words(["a", "part", "b2", "b"], {"apart", "b2b"}) == [], "nor letters, nor digits"


def test_a_word_as_it_is_written_is_preferred():
    games = catalogue_of(("Games keyboard", "", [], ""), ("Gaming keyboard", "", [], ""))
    both = LexicalSource.fit(games).score(["gaming keyboard"]).dense()[0, 1:]
    assert both[1] > both[0] > 0
    alone = LexicalSource.fit(games, weights=FieldWeights(written=0.0)).score(["gaming keyboard"]).dense()[0, 1:]
    assert alone[0] == alone[1]


def test_the_first_line_of_a_description_counts_more_than_the_rest():
    lines = catalogue_of(("One", "", [], "a kettle\nof steel"), ("Two", "", [], "of steel\na kettle"))
    assert first(LexicalSource.fit(lines), "kettle") == [1, 2]


def test_a_year_that_no_text_names_can_be_searched():
    films = catalogue_of(("Terminator", "", ["Film"], ""), released_us=470_000_000_000_000)
    assert first(LexicalSource.fit(films), "1984") == [1]
    named = catalogue_of(("Terminator (1984)", "", ["Film"], ""), released_us=470_000_000_000_000)
    assert FieldCounts.of(named).counts["details"].nnz == 0


def test_an_index_of_another_catalogue_is_refused(shelf, tmp_path):
    index = FieldCounts.of(shelf).index()
    index.save(tmp_path)
    again = Bm25fIndex.load(tmp_path, len(shelf))
    np.testing.assert_array_equal(again.score(QUERIES).dense(), index.score(QUERIES).dense())
    with pytest.raises(ReleaseError, match="names items that the catalogue does not have"):
        Bm25fIndex.load(tmp_path, len(shelf) - 1)
    (tmp_path / "vocabulary.json").write_text('{"written": ["a"], "stems": []}')
    with pytest.raises(ReleaseError, match="'offsets' is missing or does not have 2 rows"):
        Bm25fIndex.load(tmp_path, len(shelf))
    (tmp_path / "vocabulary.json").write_text("[")
    with pytest.raises(ReleaseError, match="words cannot be read"):
        Bm25fIndex.load(tmp_path, len(shelf))
