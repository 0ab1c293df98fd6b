"""The literature's split against a plain twin of its rule, and who is left alone by it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.datasets.dataset import INTERACTIONS
from shortlist.evaluation.last_positives import last_positives


def table(rows):
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row")


@pytest.mark.oracle
@settings(max_examples=40, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(0, 6), st.booleans()),
        unique_by=lambda row: row[:2],
        max_size=50,
    )
)
def test_it_holds_out_what_the_rule_says(drawn):
    rows = [(user, item, at_us, 1.0, liked) for user, item, at_us, liked in drawn]
    rest, held_out = last_positives(table(rows))
    for user in (1, 2, 3):
        positives = sorted((at_us, item) for u, item, at_us, _, liked in rows if u == user and liked)
        n = max(1, len(positives) // 5) if len(positives) >= 5 else 0
        expected = [item for _, item in positives]
        assert held_out.filter(pl.col("user") == user)["item"].to_list() == expected[len(expected) - n :]
        assert rest.filter(pl.col("user") == user)["item"].to_list() == expected[: len(expected) - n]


def test_an_item_liked_twice_is_never_on_both_sides():
    rows = [(1, item, item, 1.0, True) for item in range(9)] + [(1, 0, 100, 1.0, True)]
    rest, held_out = last_positives(table(rows))
    assert held_out["item"].to_list() == [8]
    assert 0 in rest["item"].to_list()
