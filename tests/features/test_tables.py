"""Item statistics and transitions against counting by hand."""

import numpy as np
import polars as pl
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.errors import ReleaseError
from shortlist.datasets.dataset import INTERACTIONS
from shortlist.features.catalogue import Catalogue
from shortlist.features.statistics import LIKE_PRIOR, ItemStatistics
from shortlist.features.transitions import Transitions
from shortlist.testing import tiny_items

CATALOGUE = Catalogue(tiny_items())
DAY = 86_400_000_000


def log(*rows):
    return pl.DataFrame([(u, i, t, 5.0 if p else 1.0, p) for u, i, t, p in rows], schema=INTERACTIONS, orient="row")


LOG = log((0, 10, 1, True), (0, 11, 2, False), (0, 12, 3, True), (1, 10, 4, True), (1, 12, 5, True))


def test_statistics_by_hand():
    s = ItemStatistics.fit(LOG, CATALOGUE)
    assert s.met[1] == pytest.approx(np.log1p(10_000 * 2 / 5))
    assert s.liked[2] == 0.0
    assert s.liked[3] == pytest.approx(np.log1p(10_000 * 2 / 4))
    assert s.like_rate[2] == pytest.approx((0 + LIKE_PRIOR * 0.8) / (1 + LIKE_PRIOR))
    assert s.like_rate[4] == pytest.approx(0.8)  # nobody met it: the rate of all


def test_an_unknown_item_counts_for_nobody():
    more = pl.concat([LOG, log((2, 999, 6, True))])
    s = ItemStatistics.fit(more, CATALOGUE)
    assert s.met[0] == 0.0
    assert s.met[1] == pytest.approx(np.log1p(10_000 * 2 / 5))


def test_statistics_of_an_empty_log_are_finite():
    s = ItemStatistics.fit(log(), CATALOGUE)
    assert all(np.isfinite(values).all() for values in (s.met, s.liked, s.lately, s.like_rate, s.age))


def test_age_is_in_days_and_unknown_where_the_release_is():
    items = tiny_items().with_columns(released_us=pl.Series([0, None, DAY, 50 * DAY], dtype=pl.Int64))
    s = ItemStatistics.fit(log((0, 10, 10 * DAY, True)), Catalogue(items))
    np.testing.assert_allclose(s.age[1:], np.log1p([10.0, 0.0, 9.0, 0.0]), rtol=1e-6)
    assert s.has_age.tolist() == [0, 1, 0, 1, 1]


def test_transitions_by_hand():
    t = Transitions.fit(LOG, CATALOGUE, window=2).table.todense()
    assert t[1, 3] == pytest.approx(2 / (2 + 10))  # two users liked 12 within two events of 10
    assert t[2, 3] == pytest.approx(1 / (1 + 10))
    assert t[1, 2] == 0.0  # 11 was met, not liked
    assert t[3, 1] == 0.0  # not backwards, and not from one user to the next
    assert Transitions.fit(LOG, CATALOGUE, window=1).table.todense()[1, 3] == pytest.approx(1 / (2 + 10))


@pytest.mark.parametrize("early", [(10, 11), (12, 13), (11, 12)], ids=["first keys", "last keys", "middle keys"])
def test_events_of_one_instant_do_not_follow_one_another(early):
    """Two items liked in one second, two in a later one: each later one follows each earlier one, whatever the keys."""
    late = {10, 11, 12, 13} - set(early)
    table = log(*((0, item, 1 if item in early else 2, True) for item in (10, 11, 12, 13)))
    t = np.asarray(Transitions.fit(table, CATALOGUE, window=1).table.todense())
    expected = np.zeros_like(t)
    for a in early:
        for b in late:  # the next event's instant is counted whole
            expected[a - 9, b - 9] = 1 / (1 + 10)
    np.testing.assert_allclose(t, expected)


def test_a_pair_that_comes_twice_counts_twice():
    table = log((0, 10, 1, True), (0, 11, 2, True), (0, 10, 3, True), (0, 11, 4, True))
    t = Transitions.fit(table, CATALOGUE, window=1).table.todense()
    assert t[1, 2] == pytest.approx(2 / (2 + 10))


def test_scores_are_the_mean_over_what_was_met():
    t = Transitions.fit(LOG, CATALOGUE, window=2)
    dense = np.asarray(t.table.todense())
    rows, starts = np.array([3, 1, 3, 2]), np.array([0, 2, 2, 4])
    met = Ragged.from_lists([[1, 2], [1], []])
    expected = [dense[[1, 2], 3].mean(), dense[[1, 2], 1].mean(), 0.0, 0.0]
    both = t.scores(met, rows, starts, last=(2, 1))
    np.testing.assert_allclose(both[:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(both[:, 1], [dense[2, 3], dense[2, 1], 0.0, 0.0], rtol=1e-6)


@pytest.mark.parametrize("kind", [ItemStatistics, Transitions])
def test_saves_loads_and_refuses_another_catalogue(kind, tmp_path):
    path = tmp_path / "table.safetensors"
    kind.fit(LOG, CATALOGUE).save(path)
    kind.load(path, CATALOGUE)
    with pytest.raises(ReleaseError):
        kind.load(path, Catalogue(tiny_items().head(2)))
    path.write_bytes(b"torn")
    with pytest.raises(ReleaseError):
        kind.load(path, CATALOGUE)
