"""Which rows a probability is about: what was shown where the log holds impressions, however a batch of it looks."""

import numpy as np
import polars as pl
import pytest

from shortlist.datasets.dataset import INTERACTIONS
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.popular import PopularSource
from shortlist.testing import tiny_interactions, tiny_items
from shortlist.training.examples import candidates_of
from shortlist.training.requests import RequestGrid, impression_requests, rating_requests

CATALOGUE = Catalogue(tiny_items())
SOURCES = (PopularSource.fit(tiny_interactions(), CATALOGUE, limit=10),)
HOUR = 3_600_000_000


@pytest.fixture
def log():
    """User 1 is shown 10 and 11, then item 10 again: a page on which nothing was new."""
    rows = [(1, 10, 0, 1.0, True), (1, 11, 1, 0.0, False), (1, 10, HOUR, 1.0, True)]
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row")


def test_a_page_that_showed_nothing_new_brings_no_rows(log):
    requests = impression_requests(log, 0, 2 * HOUR)
    assert candidates_of(SOURCES, requests, CATALOGUE).item.tolist() == [10, 11]
    later = requests.part(1, 2)
    assert not len(later.shown.values)
    assert not len(candidates_of(SOURCES, later, CATALOGUE)), "what is retrieved was not shown, so it is no negative"


def test_of_ratings_the_rows_are_what_is_found(log):
    requests = rating_requests(log, 0, 2 * HOUR, RequestGrid(horizon=1, first=2, stride=1))
    assert np.unique(candidates_of(SOURCES, requests, CATALOGUE).item).tolist() == [12, 13]
