"""Every source passes one suite: a world whose right answer is obvious, batches, files, the unknown, limits, order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.errors import ReleaseError
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.learning.bpr import BprRecipe
from shortlist.learning.query_tower import QueryTowerRecipe, train_query_tower
from shortlist.learning.sequence import SequenceRecipe
from shortlist.learning.two_tower import TwoTowerRecipe
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.bpr import BprSource
from shortlist.retrieval.ease import EaseSource
from shortlist.retrieval.fit import (
    fit_als,
    fit_bpr,
    fit_ease,
    fit_fresh,
    fit_item_neighbours,
    fit_lexical,
    fit_popular,
    fit_sequence,
    fit_two_tower,
)
from shortlist.retrieval.fresh import FreshSource
from shortlist.retrieval.item_neighbours import ItemNeighbourSource
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.popular import PopularSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.sequence import SequenceSource
from shortlist.retrieval.two_tower import TwoTowerSource

N_ITEMS, N_USERS = 24, 40
UNKNOWN = 9_999
COLOURS, THINGS = ("red", "blue"), ("kettle", "lamp", "chair", "table", "clock", "mirror", "carpet", "bottle", "candle")


def checkerboard_items() -> pl.DataFrame:
    """Items 100 to 123; even ones are red and kitchen, odd ones blue and office."""
    rows = [
        {
            "item": 100 + n,
            "external_id": str(n),
            "title": f"{COLOURS[n % 2]} {THINGS[n // 2 % len(THINGS)]} {n}",
            "description": "",
            "categories": [("kitchen", "office")[n % 2]],
            "brand": "",
            "price_micros": None,
            "released_us": None,
        }
        for n in range(N_ITEMS)
    ]
    return pl.DataFrame(rows, schema=ITEMS)


def checkerboard_interactions() -> pl.DataFrame:
    """Even users like eight even items each, odd users eight odd ones; nobody meets both kinds."""
    rng = np.random.default_rng(3)
    rows = [
        (user, 100 + int(item), (user * 100 + place) * 1_000_000, 5.0, True)
        for user in range(N_USERS)
        for place, item in enumerate(rng.permutation(np.arange(user % 2, N_ITEMS, 2))[:8])
    ]
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us")


@dataclass(frozen=True)
class Kind:
    """A source under test: how it is fitted and read back, and whether it reads users or queries."""

    name: str
    fit: Callable[[Catalogue, int], object]
    load: Callable[..., object]
    reads: str  # "nothing", "history" or "query"


def _query_tower(catalogue, limit):
    recipe = QueryTowerRecipe(width=16, buckets=4_096, examples=3_000, batch=64)
    return QueryTowerSource(catalogue, train_query_tower(catalogue, recipe=recipe), limit=limit)


def _two_tower(catalogue, limit):
    recipe = TwoTowerRecipe(width=16, hidden=16, history=10, epochs=12, batch=64, learning_rate=2e-2)
    return fit_two_tower(checkerboard_interactions(), catalogue, recipe=recipe, limit=limit)


def _bpr(catalogue, limit):
    recipe = BprRecipe(width=16, epochs=40, batch=64, learning_rate=2e-2)
    return fit_bpr(checkerboard_interactions(), catalogue, recipe=recipe, limit=limit)


def _sequence(catalogue, limit):
    recipe = SequenceRecipe(width=16, hidden=16, history=10, epochs=40, batch=8, learning_rate=1e-2, dropout=0.1)
    return fit_sequence(checkerboard_interactions(), catalogue, recipe=recipe, limit=limit)


KINDS = (
    Kind("popular", lambda c, n: fit_popular(checkerboard_interactions(), c, limit=n), PopularSource.load, "nothing"),
    Kind(
        "item_neighbours",
        lambda c, n: fit_item_neighbours(checkerboard_interactions(), c, limit=n),
        ItemNeighbourSource.load,
        "history",
    ),
    Kind("als", lambda c, n: fit_als(checkerboard_interactions(), c, limit=n), AlsSource.load, "history"),
    Kind("ease", lambda c, n: fit_ease(checkerboard_interactions(), c, limit=n), EaseSource.load, "history"),
    Kind("bpr", _bpr, BprSource.load, "history"),
    Kind("fresh", lambda c, n: fit_fresh(checkerboard_interactions(), c, limit=n), FreshSource.load, "nothing"),
    Kind("sequence", _sequence, SequenceSource.load, "history"),
    Kind("two_tower", _two_tower, TwoTowerSource.load, "history"),
    Kind("lexical", lambda c, n: fit_lexical(c, limit=n), LexicalSource.load, "query"),
    Kind("query_tower", _query_tower, QueryTowerSource.load, "query"),
)
LIMIT = 5


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue(checkerboard_items())


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def source(kind, catalogue):
    return kind.fit(catalogue, LIMIT)


def batch(*asked: tuple[list[int], str]) -> RequestBatch:
    """Requests of (history, query); everything liked has been seen."""
    requests = [Request(f"r{n}", k=3, at_us=10**12, user=n, query=query) for n, (_, query) in enumerate(asked)]
    history = Ragged.from_lists([liked for liked, _ in asked])
    return RequestBatch.of(*requests).with_history(history, history)


MIXED = (
    ([100, 104, 110], "red kettle"),
    ([], ""),
    ([101, 103], "blue clock"),
    ([UNKNOWN], "zzyzx"),
    ([106], "bottle"),
    ([UNKNOWN, 113, 115, 117], "office lamp"),
)


def assert_same(a: Candidates, b: Candidates) -> None:
    """The same scores to float32 rounding; the same items wherever a score stands clear of its neighbours."""
    assert a.request_offsets.tolist() == b.request_offsets.tolist()
    x, y = a.source_score[:, 0], b.source_score[:, 0]
    np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    near = np.isclose(x[:-1], x[1:], rtol=1e-3, atol=1e-4)
    alone = ~np.concatenate([[False], near]) & ~np.concatenate([near, [False]])
    last = np.isin(np.arange(len(x)), a.request_offsets[1:] - 1)
    assert (a.item == b.item)[alone & ~last].all()


def test_its_name_is_the_name_of_its_candidates(kind, source):
    found = source.retrieve(batch(*MIXED))
    assert source.name == kind.name
    assert found.source_names == (kind.name,)


def test_the_checkerboard_is_kept(kind, source):
    even, odd = (source.retrieve(batch(asked)) for asked in (([100, 104, 110], "red"), ([101, 105, 111], "blue")))
    if kind.reads == "nothing":
        assert len(even) == len(odd) == LIMIT
        return
    assert len(even) == len(odd) == LIMIT
    assert (even.item % 2 == 0).all()
    assert (odd.item % 2 == 1).all()


def test_batch_equals_single(source):
    many = source.retrieve(batch(*MIXED))
    for r, asked in enumerate(MIXED):
        one = source.retrieve(batch(asked))
        mask = many.request_index == r
        part = many.keep(mask)
        offsets = part.request_offsets[[r, r + 1]]
        assert_same(part.arrange(np.arange(len(part)), offsets - offsets[0]), one)


def test_no_request_is_no_candidate(source):
    found = source.retrieve(RequestBatch.of())
    assert len(found) == 0
    assert found.n_requests == 0


def test_files_bring_back_the_same(kind, source, catalogue, tmp_path):
    source.save(tmp_path)
    again = kind.load(tmp_path, catalogue, limit=LIMIT)
    a, b = source.retrieve(batch(*MIXED)), again.retrieve(batch(*MIXED))
    assert a.item.tolist() == b.item.tolist()
    assert a.source_score.tolist() == b.source_score.tolist()


def test_files_of_another_catalogue_are_refused(kind, source, catalogue, tmp_path):
    source.save(tmp_path)
    smaller = Catalogue(checkerboard_items().head(7))
    with pytest.raises(ReleaseError):
        kind.load(tmp_path, smaller)


def test_missing_and_torn_files_are_refused(kind, source, catalogue, tmp_path):
    with pytest.raises(ReleaseError):
        kind.load(tmp_path, catalogue)
    source.save(tmp_path)
    for path in tmp_path.rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ReleaseError):
        kind.load(tmp_path, catalogue)


def test_who_or_what_nobody_knows_is_served_cold(kind, source):
    found = source.retrieve(batch(([], ""), ([UNKNOWN], "")))
    if kind.reads == "nothing":
        assert np.diff(found.request_offsets).tolist() == [LIMIT, LIMIT]
    else:
        assert len(found) == 0


def test_unknown_items_of_a_history_are_ignored(source):
    with_unknown = source.retrieve(batch(([UNKNOWN, 100, 104, UNKNOWN, 110], "red")))
    assert_same(source.retrieve(batch(([100, 104, 110], "red"))), with_unknown)


def test_limit_is_respected(kind, catalogue, source):
    found = source.retrieve(batch(*MIXED))
    assert np.diff(found.request_offsets).max() <= LIMIT


def test_seen_items_are_not_brought_back(kind, source):
    if kind.reads == "query":
        return
    seen = list(range(100, 122, 2))
    found = source.retrieve(batch((seen, "")))
    assert len(found)
    assert not np.isin(found.item, seen).any()


def test_best_comes_first_and_once(source):
    found = source.retrieve(batch(*MIXED))
    assert len(found)
    for r in range(found.n_requests):
        part = found.rows_of(r)
        assert (np.diff(found.source_score[part, 0]) <= 0).all()
        assert found.source_rank[part, 0].tolist() == list(range(part.stop - part.start))
        assert len(set(found.item[part].tolist())) == part.stop - part.start
    assert np.isfinite(found.source_score).all()


def test_the_same_seed_fits_the_same(kind, source, catalogue):
    again = kind.fit(catalogue, LIMIT)
    a, b = source.retrieve(batch(*MIXED)), again.retrieve(batch(*MIXED))
    assert a.item.tolist() == b.item.tolist()
    np.testing.assert_allclose(a.source_score, b.source_score, rtol=1e-5)


def test_inputs_are_left_alone(source):
    asked = batch(*MIXED)
    before = (asked.history.values.copy(), asked.seen.values.copy())
    source.retrieve(asked)
    assert np.array_equal(before[0], asked.history.values)
    assert np.array_equal(before[1], asked.seen.values)
