"""Everything a data set supports is fitted, saved and read back; a catalogue without users gets search alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.errors import DataError, ReleaseError
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS, JUDGEMENTS, USERS, Dataset
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.fit import fit_all
from shortlist.retrieval.load import FEED_WEIGHTS, SEARCH_WEIGHTS, load_feed_sources, load_search_sources
from shortlist.retrieval.vectors import load_item_vectors
from shortlist.testing import tiny_interactions, tiny_items


def dataset(kind, interactions):
    judgements = pl.DataFrame([("red kettle", 10, 3), ("red kettle", 12, 0)], schema=JUDGEMENTS, orient="row")
    return Dataset("tiny", kind, tiny_items(), pl.DataFrame(schema=USERS), interactions, judgements, "liked", "none")


@pytest.fixture(scope="module")
def of_ratings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retrieval")
    told = []
    data = dataset("ratings", tiny_interactions())
    facts = fit_all(data, data.interactions, Catalogue(data.items), folder, progress=lambda *a: told.append(a))
    return folder, facts, told


def test_ratings_give_every_source(of_ratings):
    folder, facts, told = of_ratings
    names = [*FEED_WEIGHTS, "fresh", *SEARCH_WEIGHTS, "relevance"]
    assert sorted(fact.source for fact in facts) == sorted(names)
    assert {what for what, _, _ in told} == set(names)
    catalogue = Catalogue(tiny_items())
    feed = load_feed_sources(folder, catalogue)
    assert [source.name for source in feed] == list(FEED_WEIGHTS)
    history = Ragged.from_lists([[10]])
    batch = RequestBatch.of(Request("r", k=2, at_us=0, user=1, query="red kettle")).with_history(history, history)
    assert next(s for s in feed if s.name == "item_neighbours").retrieve(batch).item.tolist() == [12]
    search = load_search_sources(folder, catalogue)
    found = search.lexical.retrieve(batch)
    assert found.item[0] == 10
    (relevance, _) = search.relevance.score(batch, found).values()
    assert int(np.argmax(relevance)) == 0


def test_query_and_item_towers_share_one_space(of_ratings):
    folder, _, _ = of_ratings
    catalogue = Catalogue(tiny_items())
    vectors = load_item_vectors(folder, catalogue)
    search = load_search_sources(folder, catalogue)
    assert vectors.tolist() == search.query_tower.item_vectors.tolist()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [0, 1, 1, 1, 1], atol=1e-6)


def test_a_catalogue_alone_gets_search_alone(tmp_path):
    data = dataset("catalogue", pl.DataFrame(schema=INTERACTIONS))
    catalogue = Catalogue(data.items)
    facts = fit_all(data, data.interactions, catalogue, tmp_path)
    assert sorted(fact.source for fact in facts) == sorted([*SEARCH_WEIGHTS, "relevance"])
    assert load_feed_sources(tmp_path, catalogue) == ()
    assert load_item_vectors(tmp_path, catalogue).shape[0] == len(catalogue)


def test_nothing_liked_is_an_error_with_a_cure(tmp_path):
    data = dataset("ratings", tiny_interactions().with_columns(positive=pl.lit(value=False)))
    with pytest.raises(DataError, match="no interaction is positive"):
        fit_all(data, data.interactions, Catalogue(data.items), tmp_path)


def test_a_missing_folder_is_a_release_error(tmp_path):
    with pytest.raises(ReleaseError):
        load_search_sources(tmp_path, Catalogue(tiny_items()))
