"""Learning for clicks and for return visits from one log: the parts, and what they do in a simulated feed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.training.lists import PLACES, write_lists

from shortlist.core.errors import DataError
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.training.objectives import CLICKS, RETURNS, learn_outcomes, objective_policies, read_visits


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    world, table = write_lists(folder, n=60_000, temperature=1.0, rng=4)
    visits = read_visits(folder / "log.parquet", table)
    return folder, world, table, learn_outcomes(visits, contexts=4, candidates=5)


@pytest.mark.statistical
def test_attraction_satisfaction_and_what_brings_users_back_are_found(learned):
    """60,000 pages. A rate's standard error is at most .02 of candidates with 600 clicks, that of a weight .003: six of
    them are allowed."""
    _, world, _, outcomes = learned
    np.testing.assert_allclose(outcomes.attraction, world.attraction, atol=0.08)
    np.testing.assert_allclose(outcomes.satisfaction, world.satisfaction, atol=0.12)
    gain, loss = outcomes.worth.weights.values()
    assert gain == pytest.approx(world.returning.gain, abs=0.02)
    assert loss == pytest.approx(-world.returning.loss, abs=0.02)


def test_the_policies_rank_as_their_names_say(learned):
    _, world, table, outcomes = learned
    found = objective_policies(table, outcomes)
    assert found.names == ("control", CLICKS, RETURNS)
    np.testing.assert_array_equal(np.argsort(found.score[1]), np.argsort(outcomes.attraction))
    gain, loss = outcomes.worth.weights.values()
    value = outcomes.attraction * (gain * outcomes.satisfaction + loss * (1 - outcomes.satisfaction))
    np.testing.assert_allclose(outcomes.value(), value, rtol=1e-12)
    np.testing.assert_array_equal(np.argsort(found.score[2]), np.argsort(value))
    np.testing.assert_allclose(found.score.std(axis=(1, 2)), table.score[0].std())
    clicks, returns = (world.value(ListPolicy.softmax(found.score[n], temperature=0.5, places=PLACES)) for n in (1, 2))
    assert clicks.clicks > returns.clicks
    assert clicks.returns < returns.returns


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows.with_columns(returned=pl.col("place") == 1), "both returned and did not"),
        (lambda rows: rows.with_columns(satisfied=~pl.col("click")), "without a click"),
        (lambda rows: rows.drop("returned"), "is missing"),
    ],
)
def test_visits_that_do_not_fit_are_refused(learned, tmp_path, change, says):
    folder, _, table, _ = learned
    change(pl.read_parquet(folder / "log.parquet")).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(DataError, match=says):
        read_visits(tmp_path / "log.parquet", table)


def test_without_clicks_nothing_can_be_learned(learned, tmp_path):
    folder, _, table, _ = learned
    none = pl.read_parquet(folder / "log.parquet").with_columns(click=pl.lit(False), satisfied=pl.lit(False))
    none.write_parquet(tmp_path / "log.parquet")
    with pytest.raises(DataError, match="nothing was clicked"):
        learn_outcomes(read_visits(tmp_path / "log.parquet", table), contexts=4, candidates=5)
