"""Exploration: a mixture of two arms whose logged chance is exact, and which leaves no trace where it is off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shortlist.core.candidates import Candidates
from shortlist.core.columns import LITTLE_KNOWN, RANK_SCORE, ROW, SELECTION_PROPENSITY
from shortlist.core.errors import ShortlistError
from shortlist.core.request import Request, RequestBatch
from shortlist.reranking.exploration import Exploration, mixture
from shortlist.reranking.mmr import MMRSelector
from shortlist.reranking.slot_softmax import slot_probabilities

SCORES = np.array([0.9, 0.7, 0.6, 0.3, 0.1])
YOUNG = np.array([0, 0, 1, 0, 1])
VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
DRAWS = 20_000


def pages(n, *, k, exploration, diversity=0.3, temperature=0.2, young=YOUNG):
    """n pages of the same five candidates under n draw keys, in one batch."""
    m = len(SCORES)
    candidates = Candidates.found("s", np.arange(n + 1) * m, np.tile(np.arange(m), n), np.zeros(n * m)).with_columns(
        {RANK_SCORE: np.tile(SCORES, n), ROW: np.tile(np.arange(m), n), LITTLE_KNOWN: np.tile(young, n)}
    )
    batch = RequestBatch.of(*(Request(f"r{i}", k=k, at_us=0, draw_key=i) for i in range(n)))
    selector = MMRSelector(VECTORS, diversity=diversity, temperature=temperature, exploration=exploration)
    return selector.select(batch, candidates)


@pytest.mark.statistical
@pytest.mark.parametrize("temperature", [0.0, 0.2])
def test_lists_come_as_often_as_their_logged_chances_say(temperature):
    """Pearson's chi-square over all lists of two slots; p < 1e-6 fails: one false alarm in a million runs."""
    shown = pages(DRAWS, k=2, exploration=Exploration(0.25, 0.4), temperature=temperature)
    lists = shown.item.reshape(DRAWS, 2)
    chance = shown[SELECTION_PROPENSITY].reshape(DRAWS, 2).prod(axis=1)
    logged, count = {}, {}
    for pair, p in zip(map(tuple, lists.tolist()), chance.tolist(), strict=True):
        assert logged.setdefault(pair, p) == p
        count[pair] = count.get(pair, 0) + 1
    assert sum(logged.values()) == pytest.approx(1.0, abs=1e-9)
    often = [pair for pair, p in logged.items() if p * DRAWS >= 5]
    observed = np.array([*(count[pair] for pair in often), DRAWS - sum(count[pair] for pair in often)])
    expected = np.array([*(logged[pair] * DRAWS for pair in often), 0.0])
    expected[-1] = DRAWS - expected.sum()
    if expected[-1] < 5:
        observed, expected = observed[:-1], expected[:-1] * observed[:-1].sum() / expected[:-1].sum()
    assert stats.chisquare(observed, expected).pvalue > 1e-6


@pytest.mark.statistical
def test_the_main_arms_chance_alone_is_not_what_happens():
    """The negative control: the softmax of the arm that would have placed them anyway misses by many errors."""
    shown = pages(DRAWS, k=1, exploration=Exploration(0.25, 0.4))
    wrong = slot_probabilities(0.7 * (SCORES - 0.1) / 0.8, 0.2)
    observed = np.bincount(shown.item, minlength=5)
    assert stats.chisquare(observed, wrong * DRAWS).pvalue < 1e-12


@pytest.mark.oracle
def test_a_slot_is_the_sum_over_both_arms_in_arithmetic():
    shown = pages(1, k=5, exploration=Exploration(0.25, 0.5), diversity=0.0, temperature=0.5)
    free = np.ones(5, dtype=bool)
    scaled = (SCORES - 0.1) / 0.8
    young = np.array([0, 0, 1.0, 0, 0])  # the better of the two has 1 among themselves, the worse 0
    for slot, item in enumerate(shown.item.tolist()):
        weight = np.exp(scaled / 0.5) * free
        arm = np.exp(young / 0.5) * free * YOUNG
        share = 0.25 if arm.any() else 0.0
        expected = (1 - share) * weight / weight.sum() + share * arm / max(arm.sum(), 1e-300)
        assert shown[SELECTION_PROPENSITY][slot] == pytest.approx(expected[item], rel=1e-12)
        free[item] = False


def test_without_exploration_nothing_changes():
    """Bit for bit, whether there are little-known candidates or not."""
    off, marked = (pages(500, k=4, exploration=None, young=young) for young in (YOUNG * 0, YOUNG))
    assert off.item.tolist() == marked.item.tolist()
    assert off[SELECTION_PROPENSITY].tobytes() == marked[SELECTION_PROPENSITY].tobytes()
    nobody = pages(500, k=4, exploration=Exploration(0.5, 0.1), young=YOUNG * 0)
    assert off.item.tolist() == nobody.item.tolist()
    assert off[SELECTION_PROPENSITY].tobytes() == nobody[SELECTION_PROPENSITY].tobytes()


@pytest.mark.property
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=7),
    st.floats(1e-6, 1),
    st.sampled_from([0.0, 0.05, 3.0]),
)
def test_a_mixture_is_a_distribution_that_gives_the_young_at_least_their_share(rows, share, temperature):
    score, young = np.array([s for s, _ in rows]), np.array([y for _, y in rows])
    main = slot_probabilities(score, 0.1)
    mixed = mixture(main, score, young, Exploration(share, temperature))
    assert mixed.sum() == pytest.approx(1.0)
    assert (mixed >= 0).all()
    if young.any():
        assert mixed[young].sum() >= share - 1e-12


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ShortlistError, match="share"):
        Exploration(share, 0.1)


def test_a_temperature_out_of_range_is_refused():
    with pytest.raises(ShortlistError, match="temperature"):
        Exploration(0.1, float("inf"))
