"""Which rows of the merge go on to the ranker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import LITTLE_KNOWN, RETRIEVAL_SCORE
from shortlist.core.request import Request, RequestBatch
from shortlist.funnel.filters import PreRankingFilter

LENGTHS = st.lists(st.integers(0, 12), min_size=1, max_size=4)


def merged(lengths):
    items = np.concatenate([np.random.default_rng(n).permutation(50)[:n] for n in lengths]).astype(np.int64)
    return merge([Candidates.found("s", np.cumsum([0, *lengths]), items, np.zeros(len(items)))])


def asked(lengths, k=1):
    return RequestBatch.of(*(Request(str(n), k=k, at_us=0) for n in range(len(lengths))))


@pytest.mark.property
@settings(max_examples=60, derandomize=True)
@given(LENGTHS, st.integers(1, 8))
def test_each_request_keeps_its_own_best_by_fused_rank_and_every_row_is_kept_or_dropped(lengths, at_most):
    rows = merged(lengths)
    verdict = PreRankingFilter(at_most).filter(asked(lengths), rows)
    kept = rows.keep(verdict.kept)
    for n, length in enumerate(lengths):
        mine, best = kept.rows_of(n), rows.rows_of(n)
        assert mine.stop - mine.start == min(length, at_most)
        whole = np.sort(rows[RETRIEVAL_SCORE][best])[::-1]
        assert kept[RETRIEVAL_SCORE][mine].tolist() == whole[:at_most].tolist()
    assert sorted([*kept.key.tolist(), *verdict.dropped[0].keys.tolist()]) == rows.key.tolist()


def test_a_page_of_more_items_than_are_ranked_keeps_as_many_as_it_has():
    rows = merged([9, 9])
    batch = RequestBatch.of(Request("a", k=7, at_us=0), Request("b", k=2, at_us=0))
    kept = rows.keep(PreRankingFilter(3).filter(batch, rows).kept)
    assert np.diff(kept.request_offsets).tolist() == [7, 3]


def test_little_known_items_go_on_from_wherever_they_stand():
    rows = merged([6])
    marked = rows.with_columns({LITTLE_KNOWN: np.array([0, 0, 1, 0, 0, 1])})
    assert PreRankingFilter(2).filter(asked([6]), marked).kept.tolist() == [True, True, True, False, False, True]
    assert PreRankingFilter(2).filter(asked([6]), rows).kept.tolist() == [True, True, *[False] * 4], (
        "a negative control"
    )
