"""``FeedPlan``: what it may know of the log, and what it says its probability is."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.training.plan import FeedPlan


def dataset(interactions):
    return Dataset(
        name="made up",
        kind="ratings",
        items=pl.DataFrame(schema=ITEMS),
        users=pl.DataFrame(schema=USERS),
        interactions=interactions,
        judgements=pl.DataFrame(schema=JUDGEMENTS),
        positive_means="liked",
        licence="made up",
    )


@pytest.fixture
def log():
    """2,000 events of 50 users, one a second."""
    n = np.arange(2_000)
    rows = {"user": n % 50, "item": n, "at_us": n * 1_000_000, "value": np.full(2_000, 5.0), "positive": n % 3 == 0}
    return pl.DataFrame({name: pl.Series(rows[name], dtype=kind) for name, kind in INTERACTIONS.items()})


@pytest.mark.parametrize("whose", [pl.lit(7), pl.col("item") + 1_000], ids=["one user", "a user an event"])
def test_who_acts_after_the_models_were_fitted_changes_no_plan(log, whose):
    """The horizon is part of what the probability means, and comes from the events that the models learn from."""
    plan = FeedPlan.of(dataset(log))
    late = pl.col("at_us") >= plan.split.calibration
    other = log.with_columns(user=pl.when(late).then(whose).otherwise(pl.col("user")).cast(pl.Int64))
    assert FeedPlan.of(dataset(other)) == plan
    early = log.with_columns(user=pl.when(late).then(pl.col("user")).otherwise(whose).cast(pl.Int64))
    assert FeedPlan.of(dataset(early)) != plan, "a negative control"


def test_outcomes_change_no_plan(log):
    flipped = log.with_columns(positive=~pl.col("positive"))
    assert FeedPlan.of(dataset(flipped)) == FeedPlan.of(dataset(log))


def test_the_probability_names_its_whole_condition(log):
    plan = FeedPlan.of(dataset(log))
    said = plan.probability("liked").of
    assert f"the user's next {plan.grid.horizon} events" in said
    assert f"the user goes on to at least {plan.grid.horizon} events more within the same window" in said
    assert said.endswith("positive: liked")
    impressions = dataclasses.replace(dataset(log), kind="impressions")
    assert "shown" in FeedPlan.of(impressions).probability("liked").of
