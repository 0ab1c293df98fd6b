"""Choosing the best rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.arrays import Ragged
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.selection import best, known_rows
from shortlist.testing import tiny_items

PAIRS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(-3, 3)), max_size=20, unique_by=lambda p: p[:2]
)


@pytest.mark.property
@given(PAIRS, st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=3, max_size=3), st.integers(1, 4))
@settings(max_examples=60, derandomize=True)
def test_best_equals_sorting_each_request(pairs, leave_out, limit):
    catalogue = Catalogue(tiny_items())
    request, row, score = (np.array([p[k] for p in sorted(pairs)], dtype=np.int64) for k in range(3))
    found = best("s", catalogue, n_requests=3, request=request, row=row, score=score, limit=limit,
                 leave_out=Ragged.from_lists(leave_out))  # fmt: skip
    for r in range(3):
        kept = [(-s, int(catalogue.item[v])) for q, v, s in pairs if q == r and v and v not in leave_out[r]]
        assert found.item[found.rows_of(r)].tolist() == [item for _, item in sorted(kept)[:limit]]


def test_known_rows_drops_unknown_keys():
    rows = known_rows(Ragged.from_lists([[10, 99], [99], [13]]), Catalogue(tiny_items()))
    assert [rows[r].tolist() for r in range(3)] == [[1], [], [4]]


def test_scores_that_are_not_finite_are_left_out():
    catalogue = Catalogue(tiny_items())
    found = best("s", catalogue, n_requests=1, request=np.zeros(3, np.int64), row=np.array([1, 2, 3]),
                 score=np.array([np.nan, 1.0, -np.inf]), limit=9)  # fmt: skip
    assert found.item.tolist() == [11]
