"""Candidates: merging, narrowing, arranging."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.candidates import RRF_K, Candidates, merge
from shortlist.core.columns import P_LIKE, RETRIEVAL_SCORE, Column
from shortlist.core.errors import ShortlistError

LISTS = st.lists(st.lists(st.integers(0, 12), unique=True, max_size=6), min_size=1, max_size=4)


def found(name, lists):
    offsets = np.cumsum([0, *map(len, lists)])
    items = np.array([item for part in lists for item in part], dtype=np.int64)
    return Candidates.found(name, offsets, items, -np.arange(len(items), dtype=float))


def plain_merge(per_source):
    """Reciprocal rank fusion with dictionaries, the readable twin."""
    answers = []
    for r in range(len(per_source[0][1])):
        fused: dict[int, float] = {}
        for _, lists in per_source:
            for rank, item in enumerate(lists[r], start=1):
                fused[item] = fused.get(item, 0.0) + 1.0 / (RRF_K + rank)
        answers.append(sorted(fused, key=lambda item, f=fused: (-f[item], item)))
    return answers


@pytest.mark.property
@settings(max_examples=80, derandomize=True)
@given(
    st.integers(1, 3).flatmap(
        lambda r: st.lists(
            st.lists(st.lists(st.integers(0, 12), unique=True, max_size=6), min_size=r, max_size=r),
            min_size=1,
            max_size=4,
        )
    )
)
def test_merge_equals_its_plain_twin_and_keeps_every_source(per_source_lists):
    per_source = [(f"s{n}", lists) for n, lists in enumerate(per_source_lists)]
    merged = merge([found(name, lists) for name, lists in per_source])
    assert [merged.item[merged.rows_of(r)].tolist() for r in range(merged.n_requests)] == plain_merge(per_source)
    assert len(set(merged.key.tolist())) == len(merged)
    for row, (item, request) in enumerate(zip(merged.item.tolist(), merged.request_index.tolist(), strict=True)):
        expected = {name: lists[request].index(item) for name, lists in per_source if item in lists[request]}
        assert set(merged.sources_of(row)) == set(expected)
        ranks = {
            name: int(merged.source_rank[row, s])
            for s, name in enumerate(merged.source_names)
            if merged.source_rank[row, s] >= 0
        }
        assert ranks == expected
        assert np.isnan(merged.source_score[row]).sum() == len(per_source) - len(expected)


def test_weights_move_the_fused_order():
    parts = [found("a", [[1, 2]]), found("b", [[2, 1]])]
    assert merge(parts).item.tolist() == [1, 2]
    assert merge(parts, weights={"b": 2.0}).item.tolist() == [2, 1]


def test_keep_and_arrange_carry_every_field_along():
    c = found("a", [[5, 6], [7, 8, 9]]).with_columns({P_LIKE: np.arange(5) / 10})
    kept = c.keep(np.array([False, True, True, False, True]))
    assert kept.item.tolist() == [6, 7, 9]
    assert kept.request_offsets.tolist() == [0, 1, 3]
    assert kept[P_LIKE].tolist() == [0.1, 0.2, 0.4]
    assert kept.key.tolist() == [1, 2, 4]
    turned = kept.arrange(np.array([2, 1]), np.array([0, 0, 2]))
    assert turned.item.tolist() == [9, 7]
    assert turned.request_index.tolist() == [1, 1]
    assert c.item.tolist() == [5, 6, 7, 8, 9]


def test_a_request_without_rows_keeps_its_place():
    merged = merge([found("a", [[], [3]]), found("b", [[], []])])
    assert merged.request_offsets.tolist() == [0, 0, 1]
    assert merge([Candidates.none(2, ("a",))]).request_offsets.tolist() == [0, 0, 0]


def test_two_sources_of_one_name_are_refused():
    with pytest.raises(ShortlistError, match="its own name"):
        merge([found("a", [[1]]), found("a", [[2]])])


def test_a_missing_column_is_named():
    with pytest.raises(ShortlistError, match="no column 'p_like' yet"):
        found("a", [[1]])[P_LIKE]


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ShortlistError, match="'p_like' has 2 values for 1 candidates"):
        found("a", [[1]]).with_columns({P_LIKE: np.zeros(2)})


@pytest.mark.parametrize("length", [0, 2, 5])
def test_a_mask_of_another_length_is_refused(length):
    found = Candidates.found("a", np.array([0, 3]), np.arange(3), np.zeros(3))
    with pytest.raises(ShortlistError, match=f"mask has {length}"):
        found.keep(np.zeros(length, dtype=bool))


def test_offsets_that_end_elsewhere_than_the_rows_are_refused():
    with pytest.raises(ShortlistError, match="end at 2"):
        Candidates.found("a", np.array([0, 2]), np.arange(3), np.zeros(3))


def test_columns_are_kept_in_their_declared_type():
    kept = found("a", [[1]]).with_columns(
        {RETRIEVAL_SCORE: np.ones(1, np.float32), Column("n", np.int64, "id", ""): np.ones(1)}
    )
    assert [values.dtype for values in kept.columns.values()] == [np.float64, np.int64]


@pytest.mark.oracle
def test_the_fused_score_is_the_published_one():
    """1 / (60 + rank) with ranks from 1: first in one list and second in the other."""
    fused = merge([found("a", [[7, 8]]), found("b", [[9, 7]])])
    assert fused[RETRIEVAL_SCORE] == pytest.approx([1 / 61 + 1 / 62, 1 / 61, 1 / 62], abs=1e-15)
    assert fused.item.tolist() == [7, 9, 8]
