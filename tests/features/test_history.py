"""Histories: point in time, liked apart from seen, extended while they are read."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS
from shortlist.features.history import HistoryHydrator, HistoryStore

EVENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 20), st.booleans()), min_size=1, max_size=30
)


def table(events):
    rows = [(user, item, at, 1.0, positive) for user, item, at, positive in events]
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row")


@pytest.mark.property
@settings(max_examples=60, derandomize=True)
@given(EVENTS, st.integers(0, 21), st.integers(0, 2))
def test_a_history_never_holds_the_present_or_the_future(events, at, user):
    liked, seen = HistoryStore(table(events)).before([user], [at])
    past = [(t, item, positive) for u, item, t, positive in events if u == user and t < at]
    assert sorted(seen[0].tolist()) == sorted(item for _, item, _ in past)
    assert sorted(liked[0].tolist()) == sorted(item for _, item, positive in past if positive)


@pytest.mark.property
@settings(max_examples=60, derandomize=True)
@given(EVENTS)
def test_events_one_by_one_in_any_order_give_the_times_of_the_table(events):
    live = HistoryStore()
    for user, item, at, positive in events:
        live.append(user=user, item=item, at_us=at, positive=positive)
    whole = HistoryStore(table(events))
    assert len(live) == len(whole)
    for at in (0, 7, 21):
        for one, other in zip(live.before([0, 1, 2], [at] * 3), whole.before([0, 1, 2], [at] * 3), strict=True):
            assert [sorted(one[n].tolist()) for n in range(3)] == [sorted(other[n].tolist()) for n in range(3)]


def test_a_batch_that_was_read_before_an_event_does_not_change():
    store = HistoryStore()
    store.append(user=1, item=5, at_us=1, positive=True)
    batch = HistoryHydrator(store).hydrate_query(RequestBatch.of(Request("r", k=1, at_us=10, user=1)))
    store.append(user=1, item=6, at_us=2, positive=True)
    assert batch.history[0].tolist() == [5]


def test_unknown_and_missing_users_have_no_history():
    batch = RequestBatch.of(Request("a", k=1, at_us=9, user=77), Request("b", k=1, at_us=9))
    hydrated = HistoryHydrator(HistoryStore()).hydrate_query(batch)
    assert hydrated.seen.lengths.tolist() == [0, 0]
