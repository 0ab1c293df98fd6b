"""How well each method's lifts agree with the true ones, in each world; an A/B of equal traffic is one of the methods.

Everything is clustered by log: challengers judged on one log share its luck, so that a hundred logs are a hundred
observations, however many challengers each has.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from shortlist.core.arrays import Float64
from shortlist.evaluation.bootstrap import Interval, clustered_interval

__all__ = ["AB", "Check", "Figure", "MethodScore", "judged_rows", "score"]

AB = "A/B of equal traffic"
"""The noise ceiling: what an experiment with as many pages as the log had would have said."""
_DRAWS = 2_000


class Figure(msgspec.Struct, frozen=True):
    """A mean with its interval, by bootstrap over logs."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> Figure:
        """The interval without its level, which the place where it stands gives."""
        return cls(interval.estimate, interval.low, interval.high)


class Check(msgspec.Struct, frozen=True):
    """A gate, or a control.

    Attributes:
        name: in words.
        world: where.
        found: the figure; None where there is none.
        found_range: its interval, where it has one.
        asked: the bound, in words.
        passed: is it kept?
        says: what else there is to know.
    """

    name: str
    world: str
    found: float | None
    found_range: Figure | None
    asked: str
    passed: bool
    says: str = ""


class MethodScore(msgspec.Struct, frozen=True, kw_only=True):
    """A method in a world. Figures are None where nothing was answered, or nothing was there to decide.

    Attributes:
        world: its name.
        method: its name.
        logs: how many.
        answered: lifts that it gave.
        abstained: lifts that it did not.
        coverage: share of its 95% intervals that hold the true lift; its own interval is one of 99%.
        bias: mean error of a lift.
        error: RMSE of lifts, over the root mean square of the A/B's standard error.
        sign: share of right signs where the true lift is over two of those standard errors.
        decided: how many lifts that rests on.
        rank: Kendall's τ with the true lifts within a log, the mean over logs; 95% interval.
        regret: true lift given away a log by taking the policy of the highest lift, the control counting as 0.
    """

    world: str
    method: str
    logs: int
    answered: int
    abstained: int
    coverage: Figure | None
    bias: float | None
    error: float | None
    sign: float | None
    decided: int
    rank: Figure | None
    regret: float | None


def judged_rows(estimates: pl.DataFrame, experiments: pl.DataFrame) -> pl.DataFrame:
    """Estimates beside truth, the A/B among the methods: a row a world, log, policy and method."""
    key = ["world", "log", "policy"]
    ab = experiments.select(
        *key,
        method=pl.lit(AB),
        lift=pl.col("ab_lift"),
        low=pl.col("ab_low"),
        high=pl.col("ab_high"),
        standard_error=pl.col("ab_standard_error"),
    )
    columns = [*key, "method", "lift", "low", "high", "standard_error"]
    rows = pl.concat([estimates.select(columns), ab.select(columns)])
    truth = experiments.select(*key, "true_lift", "ab_standard_error")
    return rows.join(truth, on=key, how="left", maintain_order="left")


def score(rows: pl.DataFrame, *, seed: int) -> Iterator[MethodScore]:
    """Every method in every world, in the order of the rows."""
    for (world, method), own in rows.group_by("world", "method", maintain_order=True):
        yield _score(str(world), str(method), own, seed)


def _score(world: str, method: str, rows: pl.DataFrame, seed: int) -> MethodScore:
    answered = rows.filter(pl.col("lift").is_not_null())
    true, error = answered["true_lift"].to_numpy(), (answered["lift"] - answered["true_lift"]).to_numpy()
    noise = answered["ab_standard_error"].to_numpy()
    held = ((answered["low"] <= answered["true_lift"]) & (answered["true_lift"] <= answered["high"])).to_numpy()
    log = answered["log"].to_numpy()
    big = np.abs(true) > 2.0 * noise
    by_log = list(answered.group_by("log", maintain_order=True))
    ranks = np.array([_tau(own["lift"].to_numpy(), own["true_lift"].to_numpy()) for _, own in by_log])
    some = len(answered) > 0
    return MethodScore(
        world=world,
        method=method,
        logs=rows["log"].n_unique(),
        answered=len(answered),
        abstained=len(rows) - len(answered),
        coverage=_mean(held.astype(np.float64), log, seed, level=0.99) if some else None,
        bias=float(error.mean()) if some else None,
        error=float(np.sqrt((error**2).mean() / (noise**2).mean())) if some else None,
        sign=float((np.sign(true + error)[big] == np.sign(true)[big]).mean()) if big.any() else None,
        decided=int(big.sum()),
        rank=_mean(ranks, np.arange(len(ranks)), seed, level=0.95) if np.isfinite(ranks).any() else None,
        regret=_regret(rows),
    )


def _mean(value: Float64, cluster: np.ndarray, seed: int, *, level: float) -> Figure:
    return Figure.of(clustered_interval(value, cluster, rng=seed, draws=_DRAWS, level=level))


def _tau(lift: Float64, true: Float64) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(lift, true).statistic) if len(lift) > 1 else float("nan")


def _regret(rows: pl.DataFrame) -> float:
    """Where a method abstains about a policy, it does not choose it."""
    lost = []
    for _, own in rows.group_by("log", maintain_order=True):
        lift = np.append(own["lift"].fill_null(-np.inf).to_numpy(), 0.0)
        true = np.append(own["true_lift"].to_numpy(), 0.0)
        lost.append(true.max() - true[int(np.argmax(lift))])
    return float(np.mean(lost))
