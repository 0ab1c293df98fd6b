"""Scores by hand: two logs, three challengers."""

from __future__ import annotations

import polars as pl
import pytest

from shortlist.rehearsal.scores import AB, judged_rows, score

TRUE = {(0, "a"): 0.10, (0, "b"): 0.01, (0, "c"): -0.20, (1, "a"): -0.05, (1, "b"): 0.02, (1, "c"): 0.30}
SAID = {(0, "a"): 0.08, (0, "b"): 0.09, (0, "c"): -0.10, (1, "a"): 0.01, (1, "b"): 0.03, (1, "c"): None}
NOISE, HALF = 0.02, 0.03


def frames():
    keys = [("w", log, policy) for log, policy in TRUE]
    estimates = pl.DataFrame(
        [
            (*key, "ours", said, *((said - HALF, said + HALF) if said is not None else (None, None)), HALF / 1.96)
            for key, said in zip(keys, SAID.values(), strict=True)
        ],
        schema=["world", "log", "policy", "method", "lift", "low", "high", "standard_error"],
        orient="row",
    )
    experiments = pl.DataFrame(
        [(*key, true, true, NOISE, true - 0.04, true + 0.04) for key, true in zip(keys, TRUE.values(), strict=True)],
        schema=["world", "log", "policy", "true_lift", "ab_lift", "ab_standard_error", "ab_low", "ab_high"],
        orient="row",
    )
    return estimates, experiments


def test_each_figure_is_its_arithmetic():
    ours, ab = score(judged_rows(*frames()), seed=0)
    assert (ours.method, ab.method) == ("ours", AB)
    assert (ours.logs, ours.answered, ours.abstained) == (2, 5, 1)
    errors = [-0.02, 0.08, 0.10, 0.06, 0.01]
    assert ours.bias == pytest.approx(sum(errors) / 5)
    assert ours.error == pytest.approx((sum(e * e for e in errors) / 5) ** 0.5 / NOISE)
    assert ours.coverage.value == pytest.approx(2 / 5)
    assert (ours.decided, ours.sign) == (3, pytest.approx(2 / 3))
    assert ours.rank.value == pytest.approx(((2 - 1) / 3 + 1.0) / 2)
    assert ours.regret == pytest.approx(((0.10 - 0.01) + (0.30 - 0.02)) / 2)
    assert (ab.error, ab.sign, ab.regret, ab.rank.value, ab.coverage.value) == (0.0, 1.0, 0.0, 1.0, 1.0)


def test_the_interval_is_of_logs_not_of_challengers():
    """All of one log held, none of the other: the 99% interval is all of [0, 1]."""
    estimates, experiments = frames()
    true = experiments["true_lift"]
    held = pl.when(pl.col("log") == 0).then(true).otherwise(true + 1.0)
    told = estimates.with_columns(lift=held, low=held - HALF, high=held + HALF)
    ours = next(score(judged_rows(told, experiments), seed=0))
    assert (ours.coverage.low, ours.coverage.value, ours.coverage.high) == (0.0, 0.5, 1.0)


def test_a_method_that_never_answers_has_no_figures():
    estimates, experiments = frames()
    none = estimates.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("lift", "low", "high"))
    ours = next(score(judged_rows(none, experiments), seed=0))
    assert (ours.coverage, ours.bias, ours.error, ours.sign, ours.rank) == (None,) * 5
    assert ours.abstained == 6
    assert ours.regret == pytest.approx((0.10 + 0.30) / 2)
