"""The slot softmax: probabilities, draws, and what the re-ranker logs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shortlist.core.candidates import Candidates
from shortlist.core.columns import ADDED_SCORE, RANK_SCORE, ROW, SELECTION_PROPENSITY, SLOT
from shortlist.core.errors import ShortlistError
from shortlist.core.request import Request, RequestBatch
from shortlist.reranking.mmr import MMRSelector
from shortlist.reranking.slot_softmax import draw, slot_probabilities

VECTORS = np.eye(6, dtype=np.float32)


def page(scores, *, k=3, key=0, diversity=0.0, temperature=0.3, vectors=VECTORS, rows=None):
    n = len(scores)
    candidates = Candidates.found("s", np.array([0, n]), np.arange(100, 100 + n), np.zeros(n)).with_columns(
        {RANK_SCORE: np.array(scores), ROW: np.arange(n) if rows is None else np.array(rows)}
    )
    batch = RequestBatch.of(Request("r", k=k, at_us=0, draw_key=key))
    return MMRSelector(vectors, diversity=diversity, temperature=temperature).select(batch, candidates)


@pytest.mark.property
@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=8),
    st.floats(1e-6, 10),
)
def test_probabilities_are_a_distribution_and_keep_the_order(scores, temperature):
    p = slot_probabilities(np.array(scores), temperature)
    assert p.sum() == pytest.approx(1.0)
    assert (p >= 0).all()
    order = np.argsort(scores)
    assert (np.diff(p[order]) >= -1e-12).all()


@pytest.mark.property
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=6).filter(lambda w: sum(w) > 0.01), st.floats(0, 1, exclude_max=True)
)
def test_a_draw_never_picks_what_has_no_chance(weights, uniform):
    p = np.array(weights) / sum(weights)
    assert p[draw(p, uniform)] > 0


@pytest.mark.property
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(0, 2**62), st.sampled_from([0.0, 0.05, 1.0]))
def test_a_page_holds_each_item_once_with_a_chance_in_0_1(scores, key, temperature):
    shown = page(scores, k=10, key=key, temperature=temperature, diversity=0.3)
    assert len(shown) == len(scores)
    assert len(set(shown.item.tolist())) == len(shown)
    assert shown[SLOT].tolist() == list(range(1, len(shown) + 1))
    assert ((shown[SELECTION_PROPENSITY] > 0) & (shown[SELECTION_PROPENSITY] <= 1)).all()


def test_greedy_is_the_order_of_scores_and_logs_a_chance_of_one():
    shown = page([0.2, 0.9, 0.5, 0.1], temperature=0.0)
    assert shown.item.tolist() == [101, 102, 100]
    assert shown[SELECTION_PROPENSITY].tolist() == [1.0, 1.0, 1.0]


def test_the_same_draw_key_draws_the_same_page_and_another_key_another():
    pages = [page(np.linspace(0, 1, 6), key=key, temperature=1.0).item.tolist() for key in (5, 5, 6, 7, 8)]
    assert pages[0] == pages[1]
    assert any(other != pages[0] for other in pages[2:])


@pytest.mark.statistical
def test_the_logged_chance_of_a_list_is_how_often_it_comes():
    """Chi-square over the 12 ordered pages of 2 out of 4, 6,000 draws; false alarms: 1 in 1,000 (the seed is fixed)."""
    scores, n = [1.0, 0.7, 0.4, 0.0], 6_000
    seen: dict[tuple[int, ...], int] = {}
    chance: dict[tuple[int, ...], float] = {}
    for key in range(n):
        shown = page(scores, k=2, key=key, temperature=0.5, diversity=0.4, vectors=np.ones((4, 2), np.float32) / 2**0.5)
        pages = tuple(shown.item.tolist())
        seen[pages] = seen.get(pages, 0) + 1
        chance[pages] = float(np.prod(shown[SELECTION_PROPENSITY]))
    assert len(chance) == 12
    assert sum(chance.values()) == pytest.approx(1.0)
    keys = sorted(chance)
    result = stats.chisquare([seen[key] for key in keys], [n * chance[key] for key in keys])
    assert result.pvalue > 1e-3
    # Negative control: the chances of a colder policy do not fit these pages.
    colder = np.array([chance[key] ** 1.3 for key in keys])
    assert stats.chisquare([seen[key] for key in keys], n * colder / colder.sum()).pvalue < 1e-6


def test_diversity_moves_a_twin_down():
    twins = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert page([1.0, 0.95, 0.6, 0.0], rows=[0, 1, 2, 2], temperature=0.0, vectors=twins).item.tolist() == [
        100,
        101,
        102,
    ]
    varied = page([1.0, 0.95, 0.6, 0.0], rows=[0, 1, 2, 2], temperature=0.0, vectors=twins, diversity=0.5)
    assert varied.item.tolist()[:2] == [100, 102]


@pytest.mark.parametrize(("diversity", "temperature"), [(-0.1, 0.0), (1.1, 0.0), (0.5, -1.0), (0.5, float("inf"))])
def test_settings_out_of_range_are_refused(diversity, temperature):
    with pytest.raises(ShortlistError, match="give"):
        MMRSelector(VECTORS, diversity=diversity, temperature=temperature)


def test_no_candidates_is_an_empty_page():
    assert len(page([])) == 0


@pytest.mark.oracle
def test_the_softmax_is_the_published_one():
    """exp(m/T) over its sum, in arithmetic: m = 0 and 1, T = 0.5."""
    e2 = 2.718281828459045**2
    assert slot_probabilities(np.array([0.0, 1.0]), 0.5) == pytest.approx([1 / (1 + e2), e2 / (1 + e2)], abs=1e-15)


@pytest.mark.oracle
def test_the_marginal_score_takes_the_nearest_of_all_items_above_not_the_last():
    """Rank scores 1, .9, .8, 0; the third is the first's twin, the second is like nothing: m_3 = .5 * .8 - .5 * 1."""
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
    shown = page([1.0, 0.9, 0.8, 0.0], k=4, rows=[0, 1, 2, 3], temperature=0.0, diversity=0.5, vectors=vectors)
    assert shown.item.tolist() == [100, 101, 103, 102]
    assert shown[ADDED_SCORE] == pytest.approx([0.5, 0.45, 0.0, 0.4 - 0.5])
