"""What optimising clicks costs, in simulated worlds."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.rehearsal.test_rehearsal import PLAN, SHAPE

from shortlist.rehearsal.objectives import objective_checks, objective_world


@pytest.mark.statistical
def test_clicks_cost_return_visits_and_the_value_model_reverses_it(tmp_path):
    """8 worlds of 10,000 pages: the means lie about 10 standard errors from 0, so that a fresh seed does not fail."""
    plan = msgspec.structs.replace(PLAN, objective_pages=10_000)
    changes = np.stack([objective_world(plan, SHAPE, number, tmp_path) for number in range(8)])
    (clicks, returns), checks = objective_checks(changes, seed=0)
    assert all(one.passed for one in checks)
    assert clicks.clicks.low > 0 > clicks.returns.high
    assert returns.returns.low > 0 > returns.clicks.high
    assert clicks.clicks.value == pytest.approx(changes[:, 0, 0].mean())


def test_where_nothing_changes_nothing_is_claimed():
    _, checks = objective_checks(np.random.default_rng(0).normal(0, 1, (30, 2, 3)), seed=0)
    assert not all(one.passed for one in checks)
