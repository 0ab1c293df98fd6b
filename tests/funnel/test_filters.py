"""Rows of the vocabulary; what is not shown again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import ROW
from shortlist.core.request import Request, RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.filters import InCatalogueFilter, RowHydrator, SeenFilter
from shortlist.testing import tiny_items

LISTS = st.lists(st.lists(st.integers(0, 9), unique=True, max_size=5), min_size=1, max_size=4)


def candidates(lists):
    items = np.array([item for part in lists for item in part], dtype=np.int64)
    return Candidates.found("s", np.cumsum([0, *map(len, lists)]), items, np.zeros(len(items)))


@pytest.mark.property
@settings(max_examples=80, derandomize=True)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            *(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=5), min_size=n, max_size=n) for _ in range(2))
        )
    )
)
def test_each_request_loses_its_own_seen_items_and_no_others(lists):
    found, seen = lists
    batch = RequestBatch.of(*(Request(str(n), k=1, at_us=0) for n in range(len(found))))
    batch = batch.with_history(Ragged.from_lists([[]] * len(found)), Ragged.from_lists(seen))
    rows = candidates(found)
    verdict = SeenFilter().filter(batch, rows)
    kept = rows.keep(verdict.kept)
    assert [kept.item[kept.rows_of(n)].tolist() for n in range(len(found))] == [
        [item for item in part if item not in seen[n]] for n, part in enumerate(found)
    ]
    assert sorted([*kept.key.tolist(), *verdict.dropped[0].keys.tolist()]) == rows.key.tolist()


def test_items_of_another_release_are_dropped_with_the_reason():
    rows = candidates([[10, 99, 13]])
    catalogue = Catalogue(tiny_items())
    batch = RequestBatch.of(Request("r", k=1, at_us=0))
    rows = rows.with_columns(RowHydrator(catalogue).hydrate(batch, rows))
    assert rows[ROW].tolist() == [1, 0, 4]
    verdict = InCatalogueFilter().filter(batch, rows)
    assert verdict.kept.tolist() == [True, False, True]
    assert (verdict.dropped[0].reason, verdict.dropped[0].keys.tolist()) == ("not in the catalogue", [1])
