"""Fusion: the twin of merge, turns in proportion, quotas, sources kept on every row, weights that are earned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.errors import DataError
from shortlist.retrieval.fusion.fit_weights import fit_weights
from shortlist.retrieval.fusion.interleave import interleave
from shortlist.retrieval.fusion.order import ordered_by
from shortlist.retrieval.fusion.quotas import within_quotas
from shortlist.retrieval.fusion.reciprocal_rank import reciprocal_rank

NAMES = ("a", "b", "c")


def found(name, lists):
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in lists])])
    items = np.array([item for part in lists for item in part], dtype=np.int64)
    return Candidates.found(name, offsets, items, -np.arange(len(items), dtype=np.float64))


lists = st.lists(st.lists(st.integers(1, 15), unique=True, max_size=8), min_size=3, max_size=3)
three = st.tuples(lists, lists, lists)
weight = st.sampled_from([0.0, 0.25, 1.0, 2.0])


@pytest.mark.property
@settings(max_examples=40, derandomize=True)
@given(three, st.tuples(weight, weight, weight))
def test_reciprocal_rank_is_what_merge_orders_by(parts, values):
    weights = dict(zip(NAMES, values, strict=True))
    everything = [found(name, part) for name, part in zip(NAMES, parts, strict=True)]
    expected = merge(everything, weights=weights)
    plain = merge(everything)
    got = ordered_by(plain, reciprocal_rank(plain, weights))
    assert got.request_offsets.tolist() == expected.request_offsets.tolist()
    np.testing.assert_allclose(got[RETRIEVAL_SCORE], expected[RETRIEVAL_SCORE], rtol=1e-12)
    assert sorted(got.item.tolist()) == sorted(expected.item.tolist())


@pytest.mark.property
@settings(max_examples=40, derandomize=True)
@given(three)
def test_every_row_keeps_all_its_sources(parts):
    everything = [found(name, part) for name, part in zip(NAMES, parts, strict=True)]
    merged = merge(everything)
    for got in (ordered_by(merged, interleave(merged, {"a": 2.0})), within_quotas(merged, {"b": 2})):
        for r in range(3):
            for row in range(*got.request_offsets[[r, r + 1]].tolist()):
                by = {name for name, part in zip(NAMES, parts, strict=True) if int(got.item[row]) in part[r]}
                assert set(got.sources_of(row)) == by
                for s, name in enumerate(NAMES):
                    place = parts[s][r].index(int(got.item[row])) if name in by else -1
                    assert got.source_rank[row, s] == place


def test_turns_are_in_proportion_to_the_weights():
    a, b = found("a", [list(range(100, 140))]), found("b", [list(range(200, 240))])
    merged = merge([a, b])
    items = ordered_by(merged, interleave(merged, {"a": 3.0, "b": 1.0})).item
    for stretch in (8, 20, 40):
        assert abs((items[:stretch] < 200).sum() - 0.75 * stretch) <= 1
    assert (np.diff(items[items < 200]) > 0).all()


def test_a_quota_saves_what_only_one_source_knows():
    crowd = [found(name, [[1, 2, 3, 4, 5]]) for name in ("a", "b")]
    merged = merge([*crowd, found("c", [[9, 8, 7]])])
    kept = within_quotas(merged, {"a": 2, "b": 1, "c": 1})
    assert sorted(kept.item.tolist()) == [1, 2, 9]
    assert kept.sources_of(int(np.flatnonzero(kept.item == 1)[0])) == ("a", "b")
    assert len(within_quotas(merged, {})) == len(merged)


def worlds(seed=0, requests=200):
    """Source "a" finds what is wanted among its first five, "b" is noise, "c" half as often as "a"."""
    rng = np.random.default_rng(seed)
    lists = {name: [] for name in NAMES}
    wanted = []
    for _ in range(requests):
        target = int(rng.integers(1, 60))
        wanted.append([target])
        for name, share in (("a", 0.8), ("b", 0.0), ("c", 0.4)):
            noise = [int(i) for i in rng.permutation(np.arange(1, 60)) if i != target][:20]
            if rng.random() < share:
                noise.insert(int(rng.integers(5)), target)
            lists[name].append(noise)
    return merge([found(name, part) for name, part in lists.items()]), Ragged.from_lists(wanted)


@pytest.mark.parametrize("score", [reciprocal_rank, interleave])
def test_weights_go_to_those_who_earn_them(score):
    candidates, wanted = worlds()
    weights = fit_weights(candidates, wanted, score, k=20)
    assert weights["a"] == 1.0
    assert weights["b"] < weights["c"]
    assert weights["b"] <= 0.25


def test_no_positive_is_an_error_with_a_cure():
    candidates, _ = worlds(requests=2)
    with pytest.raises(DataError, match="no positive"):
        fit_weights(candidates, Ragged.from_lists([[], []]), reciprocal_rank)


def test_no_candidates_at_all():
    nothing = merge([found(name, [[], []]) for name in NAMES])
    assert len(ordered_by(nothing, interleave(nothing, {}))) == 0
    assert len(reciprocal_rank(nothing, {})) == 0
    assert len(within_quotas(nothing, {"a": 1})) == 0
