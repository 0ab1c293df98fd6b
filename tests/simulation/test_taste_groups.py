"""The planted world of tastes: its chances are what its events follow."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.simulation.taste_groups import TasteGroups

WORLD = TasteGroups(groups=3, size=4, loyalty=0.8)


@pytest.mark.parametrize("group", range(3))
def test_a_user_keeps_to_the_own_group_and_popularity_falls_as_one_over_rank(group):
    p = WORLD.chance(group)
    own = p[1:].reshape(3, 4)
    assert p[0] == 0
    assert p.sum() == pytest.approx(1)
    assert own.sum(axis=1)[group] == pytest.approx(0.8)
    assert own / own[:, :1] == pytest.approx(np.tile([1, 1 / 2, 1 / 3, 1 / 4], (3, 1)))


@pytest.mark.statistical
def test_events_follow_the_chances():
    """12,000 events a group on average, 12 cells: chi-square with 11 degrees above 60 has a chance below 1e-8."""
    group, events = WORLD.draw(3_000, 12, rng=5)
    for own in range(3):
        seen = np.bincount(events[group == own].ravel(), minlength=WORLD.n_rows)[1:]
        expected = WORLD.chance(own)[1:] * seen.sum()
        assert ((seen - expected) ** 2 / expected).sum() < 60


def test_the_same_seed_draws_the_same_world():
    assert all((a == b).all() for a, b in zip(WORLD.draw(5, 6, rng=1), WORLD.draw(5, 6, rng=1), strict=True))
    assert (WORLD.draw(5, 6, rng=1)[1] != WORLD.draw(5, 6, rng=2)[1]).any()
