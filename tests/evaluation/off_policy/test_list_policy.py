"""The slot softmax's chances: sums over sets against every order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.reranking.slot_softmax import slot_probabilities

RNG = np.random.default_rng(0)
SCORE = RNG.normal(0.0, 1.0, (3, 5))
POLICY = ListPolicy.softmax(SCORE, temperature=0.7, places=3)


def orders():
    """Every list of the three contexts, with its chance by the re-ranker's own function."""
    for context in range(3):
        for shown in permutations(range(5), 3):
            chance, left = 1.0, SCORE[context].copy()
            for item in shown:
                chance *= slot_probabilities(left, 0.7)[item]
                left[item] = -np.inf
            yield context, np.array(shown), chance


def test_the_chance_of_an_item_at_a_place_is_the_sum_over_all_lists():
    expected = np.zeros((3, 3, 5))
    for context, shown, chance in orders():
        expected[context, np.arange(3), shown] += chance
    np.testing.assert_allclose(POLICY.item_at_place(), expected, atol=1e-14)


def test_with_readers_who_may_stop_the_chance_to_be_reached_is_the_sum_over_all_lists():
    stay = RNG.random((3, 5))
    expected = np.zeros((3, 3, 5))
    for context, shown, chance in orders():
        above = np.concatenate([[1.0], np.cumprod(stay[context, shown])[:-1]])
        expected[context, np.arange(3), shown] += chance * above
    np.testing.assert_allclose(POLICY.reached_at_place(stay), expected, atol=1e-14)


def test_the_product_over_the_slots_is_the_chance_of_the_list():
    for context, shown, chance in orders():
        assert POLICY.given_above(np.array([context]), shown[None]).prod() == pytest.approx(chance, rel=1e-12)


@pytest.mark.statistical
def test_drawn_lists_follow_the_chances():
    """60,000 lists of one context, 60 cells: a chi-square with 59 degrees exceeds 140 with chance 1.4e-8."""
    chances = {tuple(s.tolist()): p for c, s, p in orders() if c == 1}
    drawn = POLICY.draw(np.full(60_000, 1), rng=2)
    lists, counts = np.unique(drawn, axis=0, return_counts=True)
    expected = np.array([60_000 * chances[tuple(row)] for row in lists.tolist()])
    unseen = 60_000 * sum(chances.values()) - expected.sum()
    assert ((counts - expected) ** 2 / expected).sum() + unseen < 140


@pytest.mark.statistical
def test_with_many_candidates_the_marginals_are_drawn():
    """17 candidates, 20,000 draws: each standard error is at most .0036; the tolerance is 5.5 of them for 34 cells,
    exceeded by less than one seed in 700,000."""
    score = np.random.default_rng(5).normal(size=(1, 17))
    many = ListPolicy.softmax(score, temperature=1.0, places=2).item_at_place(rng=1)
    assert np.abs(many[0, 0] - slot_probabilities(score[0], 1.0)).max() < 0.02
    np.testing.assert_allclose(many.sum(axis=2), 1.0)
    with pytest.raises(DataError, match="17 candidates"):
        ListPolicy.softmax(score, temperature=1.0, places=2).reached_at_place(np.ones((1, 17)))


def test_a_tiny_weight_keeps_its_relative_chance():
    """e^-200 beside 1: subtracting from the total would leave nothing of it."""
    policy = ListPolicy.softmax(np.array([[0.0, -200.0, -201.0]]), temperature=1.0, places=2)
    second = policy.given_above(np.array([0]), np.array([[0, 2]]))[0, 1]
    assert second == pytest.approx(np.exp(-1) / (1 + np.exp(-1)))
    assert policy.item_at_place()[0, 1, 2] == pytest.approx(second)


def test_the_least_temperatures_serve_the_best_without_a_warning():
    """Warnings are errors here: gaps of 1e308 temperatures and more are as good as infinite."""
    for temperature in (1e-300, 1e-308, 5e-324):
        policy = ListPolicy.softmax(SCORE, temperature=temperature, places=1)
        np.testing.assert_array_equal(policy.item_at_place()[:, 0].argmax(axis=1), SCORE.argmax(axis=1))


@pytest.mark.parametrize(("temperature", "places"), [(0.0, 2), (1.0, 6), (1.0, 0)])
def test_what_is_no_policy_is_refused(temperature, places):
    with pytest.raises(DataError):
        ListPolicy.softmax(SCORE, temperature=temperature, places=places)


def test_what_is_drawn_is_close_to_the_exact_sum_and_leaves_nobody_without_a_chance(monkeypatch):
    """20,000 draws: the standard error of a chance is below .0036, so .02 is beyond 5.5 of them in 45 cells."""
    exact = POLICY.item_at_place()
    monkeypatch.setattr("shortlist.evaluation.off_policy.list_policy.MOST_CANDIDATES", 4)
    drawn = POLICY.item_at_place()
    np.testing.assert_allclose(drawn, exact, atol=0.02)
    np.testing.assert_allclose(drawn[:, 0], exact[:, 0], atol=1e-12)
    np.testing.assert_allclose(drawn.sum(axis=2), 1.0, atol=1e-9)
    rare = ListPolicy.softmax(np.array([[0.0, -9.0, -9.0, -20.0, -20.0]]), temperature=1.0, places=3)
    assert (rare.item_at_place()[0, :2] > 0.0).all()
