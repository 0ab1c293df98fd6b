"""The time split and the requests made from a log: nothing of the future, whatever the log looks like."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import DataError
from shortlist.datasets.dataset import INTERACTIONS
from shortlist.training.requests import RequestGrid, impression_requests, rating_requests
from shortlist.training.timesplit import split_times

GRID = RequestGrid(horizon=3, first=2, stride=2)


def log(rows):
    return pl.DataFrame([(u, i, t, float(p), p) for u, i, t, p in rows], schema=INTERACTIONS, orient="row").sort(
        "at_us", "user", "item"
    )


def one_user(n, *, same_instant=1):
    """Items 0, 1, 2, …, the even ones liked, ``same_instant`` of them at a time."""
    return log([(7, i, 10 * (i // same_instant), i % 2 == 0) for i in range(n)])


def test_requests_of_one_user_by_hand():
    found = rating_requests(one_user(8), 0, 1_000, GRID)
    # After 2, 4 and 6 events; the last has only two events after it, so its outcome is not whole.
    assert [r.at_us for r in found.batch.requests] == [20, 40]
    assert [found.liked[n].tolist() for n in range(2)] == [[2, 4], [4, 6]]
    assert [found.batch.seen[n].tolist() for n in range(2)] == [[0, 1], [0, 1, 2, 3]]
    assert found.batch.history[1].tolist() == [0, 2]
    assert [found.met[n].tolist() for n in range(2)] == [[2, 3, 4], [4, 5, 6]]
    assert not len(found.shown.values)


def test_an_instant_is_never_split():
    """Three events share each instant: a request stands before all of them, its outcome ends after all of them."""
    found = rating_requests(one_user(12, same_instant=3), 0, 1_000, GRID)
    assert [r.at_us for r in found.batch.requests] == [10, 20, 30]
    assert found.batch.seen[0].tolist() == [0, 1, 2]
    assert found.liked[0].tolist() == [4]
    assert found.liked[1].tolist() == [6, 8]


def test_an_outcome_that_reaches_the_windows_end_is_left_out():
    table = one_user(20)
    assert [r.at_us for r in rating_requests(table, 0, 71, GRID).batch.requests] == [20, 40]
    assert [r.at_us for r in rating_requests(table, 0, 61, GRID).batch.requests] == [20, 40]
    assert [r.at_us for r in rating_requests(table, 0, 60, GRID).batch.requests] == [20]
    assert [r.at_us for r in rating_requests(table, 21, 71, GRID).batch.requests] == [40]


def test_an_item_seen_before_is_not_to_be_found_again():
    table = log([(1, i % 4, 10 * i, True) for i in range(8)])
    found = rating_requests(table, 0, 1_000, GRID)
    for n in range(len(found)):
        assert not set(found.liked[n]) & set(found.batch.seen[n])


EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 40), st.booleans()), min_size=1, max_size=120
)


@pytest.mark.property
@given(EVENTS, st.integers(0, 40), st.integers(1, 41))
@settings(derandomize=True, max_examples=60)
def test_nothing_after_the_window_matters(rows, start, end):
    """Requests of a window are the same whether or not the log goes on: labels never look past the window's end."""
    table = log(rows)
    known = table.filter(pl.col("at_us") < end)
    for whole, cut in (
        (rating_requests(table, start, end, GRID), rating_requests(known, start, end, GRID)),
        (_impressions(table, start, end), _impressions(known, start, end)),
    ):
        assert [r.at_us for r in whole.batch.requests] == [r.at_us for r in cut.batch.requests]
        pairs = [(getattr(whole, name), getattr(cut, name)) for name in ("liked", "met", "shown")]
        for a, b in (*pairs, (whole.batch.seen, cut.batch.seen)):
            np.testing.assert_array_equal(a.values, b.values)


def _impressions(table, start, end):
    """Whole pages: in the units of these logs all of a user's events lie within ten minutes of the first."""
    spread = table.with_columns(pl.col("at_us") * 1_000_000_000)
    return impression_requests(spread, start * 1_000_000_000, end * 1_000_000_000)


@pytest.mark.property
@given(EVENTS)
@settings(derandomize=True, max_examples=60)
def test_histories_and_outcomes_are_on_their_sides_of_the_instant(rows):
    table = log(rows)
    found = rating_requests(table, 0, 1_000, GRID)
    for n, request in enumerate(found.batch.requests):
        mine = table.filter(pl.col("user") == request.user)
        before, after = mine.filter(pl.col("at_us") < request.at_us), mine.filter(pl.col("at_us") >= request.at_us)
        assert sorted(found.batch.seen[n]) == sorted(before["item"])
        assert set(found.liked[n]) <= set(after.filter(pl.col("positive"))["item"])
        assert len(after) >= GRID.horizon


def test_pages_of_impressions_by_hand():
    minute = 60_000_000
    table = log([(1, 5, 0, True), (1, 6, 9 * minute, False), (1, 7, 10 * minute, True), (2, 5, 3 * minute, False)])
    played = pl.when(pl.col("item") == 6).then(2.5).otherwise(pl.col("value")).cast(pl.Float32)
    table = table.with_columns(value=played)
    found = impression_requests(table, 0, 100 * minute)
    assert [(r.user, r.at_us // minute) for r in found.batch.requests] == [(1, 0), (2, 3), (1, 10)]
    assert [found.shown[n].tolist() for n in range(3)] == [[5, 6], [5], [7]]
    assert [found.liked[n].tolist() for n in range(3)] == [[5], [], [7]]
    assert [found.met[n].tolist() for n in range(3)] == [[5, 6], [], [7]]
    assert found.batch.seen[2].tolist() == [5, 6]


def test_parts_and_samples_keep_requests_whole():
    found = rating_requests(one_user(40), 0, 1_000, GRID)
    part = found.part(3, 7)
    assert len(part) == 4
    assert part.liked[0].tolist() == found.liked[3].tolist()
    assert part.batch.seen[3].tolist() == found.batch.seen[6].tolist()
    drawn = found.sample(5, 0)
    assert len(drawn) == 5
    places = [[r.at_us for r in found.batch.requests].index(r.at_us) for r in drawn.batch.requests]
    assert places == sorted(places)
    assert [drawn.liked[n].tolist() for n in range(5)] == [found.liked[p].tolist() for p in places]


def test_the_grid_fits_the_data():
    assert RequestGrid.of(one_user(100)) == RequestGrid(horizon=20, first=5, stride=10)
    assert RequestGrid.of(one_user(3)) == RequestGrid(horizon=1, first=1, stride=1)


def test_windows_hold_their_shares_and_no_instant_is_cut():
    table = log([(i % 9, i, i // 4, True) for i in range(2_000)])
    split = split_times(table, examples=0.5, calibration=0.7, test=0.8)
    at = table["at_us"].to_numpy()
    assert (at < split.examples).mean() == pytest.approx(0.5, abs=0.01)
    assert (at >= split.test).mean() == pytest.approx(0.2, abs=0.01)
    assert split.start == 0
    assert split.end == at.max() + 1


@pytest.mark.parametrize("rows", [[(1, i, i, True) for i in range(20)], [(1, i, 5, True) for i in range(2_000)]])
def test_a_log_that_cannot_be_split_is_refused(rows):
    with pytest.raises(DataError, match="interactions"):
        split_times(log(rows))
