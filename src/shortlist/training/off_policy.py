"""What each of many policies would earn, by every estimator, from one log of lists: the offline half of a rehearsal.

Nothing here knows where the log came from. The outcome model is the position-based click model fitted by EM on the half
of the lists that it does not predict (``position_clicks``). Where the log names users, halves, intervals and draws are
of users: the lists of one are alike.
"""

from __future__ import annotations

import msgspec
import numpy as np
from scipy.special import ndtri

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.bootstrap import Interval
from shortlist.evaluation.off_policy.estimate import Estimate, lift
from shortlist.evaluation.off_policy.estimators import (
    clipped_ips,
    direct,
    doubly_robust,
    ips,
    on_policy,
    snips,
    switch,
)
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.evaluation.off_policy.overlap import Abstention, OverlapRule, overlap
from shortlist.evaluation.off_policy.refit import refit_intervals
from shortlist.evaluation.off_policy.specification import SpecificationTest, reading_test
from shortlist.evaluation.off_policy.weights import cascade_weights, list_weights, place_weights
from shortlist.training.list_log import ListLog, PolicyTable
from shortlist.training.position_clicks import fit_position_clicks

__all__ = ["CONTROLS", "METHODS", "REFITTED", "LiftEstimate", "LogVerdict", "PolicyJudge"]

_BY_PLACE = ("IPS", "clipped IPS", "SNIPS", "DR", "Switch")
METHODS = ("direct", *_BY_PLACE, "cascade IPS", "list IPS")
"""All but the last two weigh a place by what stands there alone (position-based)."""
REFITTED = "DR, refitted"
CONTROLS = ("naive click rate", "top-K on the old log", "shuffled propensities")
"""Known to mislead; run and shown as such."""
_CLIP = 10.0
_TOP_K = 3
_FEWEST = 4


class LiftEstimate(msgspec.Struct, frozen=True):
    """Of one policy by one method: clicks a page relative to the policy that served.

    Attributes:
        lift: None where the method abstains.
        low: of the 95% interval.
        high: of the 95% interval.
        standard_error: of the lift.
        effective_rows: what the lists are worth to its weights, at the worst place; None where it has none.
        abstains: why; empty where it does not.
    """

    policy: str
    method: str
    lift: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    effective_rows: float | None = None
    abstains: str = ""


class LogVerdict(msgspec.Struct, frozen=True):
    """All that one log says.

    Attributes:
        lists: S.
        reading: is the log at odds with the position-based model? None for lists of one place, which all models read
            alike.
        estimates: a row a policy and method, control methods included.
    """

    lists: int
    reading: SpecificationTest | None
    estimates: tuple[LiftEstimate, ...]


class PolicyJudge:
    """Judges any number of logs of one policy; what the policies alone decide is worked out once.

    Args:
        table: the policies; the first served.
        places: L of the lists.
        rule: when to abstain.
    """

    def __init__(self, table: PolicyTable, places: int, *, rule: OverlapRule | None = None) -> None:
        self.table, self.places = table, places
        self._rule = rule or OverlapRule()
        self._policies = [table.policy(number, places) for number in range(len(table.names))]
        self._at_place = [policy.item_at_place() for policy in self._policies]

    def judge(self, log: ListLog, *, refit_draws: int = 0, rng: Rng = 0) -> LogVerdict:
        """Estimate the lift of every policy but the first over the first.

        Args:
            log: what it served.
            refit_draws: with some, DR has a second interval, a bootstrap over users that refits the click model.
            rng: of the halves, the shuffled control and the bootstrap.

        Raises:
            DataError: the log's propensities are not those of the first policy, there is no policy to judge, or the log
                is too small to judge any by: fewer than four users (pages, where it names none), or no click in a half.
        """
        random = generator(rng)
        _check(self.table, log)
        served = self._policies[0]
        above = served.given_above(log.context, log.shown)
        if log.shown.shape[1] != self.places or not np.allclose(above, log.propensity, rtol=1e-6, atol=1e-12):
            raise DataError(
                "the logged propensities are not those of the first policy",
                where="list log",
                fix="name the policy that served first, with the scores and temperature that it served by",
            )
        work = _Work(log, served, self._at_place[0], self._rule, random)
        found: list[LiftEstimate] = []
        names = self.table.names[1:]
        for name, target, at_place in zip(names, self._policies[1:], self._at_place[1:], strict=True):
            found += work.estimates(name, target, at_place)
        if refit_draws:
            refused = {row.policy: row.abstains for row in found if row.method == "DR"}
            answers = not all(refused.values())
            intervals = work.refitted(self._at_place[1:], refit_draws, random) if answers else [None] * len(names)
            found += [_refitted(name, refused[name], one) for name, one in zip(names, intervals, strict=True)]
        return LogVerdict(len(log), work.reading, tuple(found))


def _check(table: PolicyTable, log: ListLog) -> None:
    where = "off-policy log"
    if len(table.names) < 2:
        raise DataError(
            f"there is only {table.names[0]!r}, the policy that served",
            where=where,
            fix="add the policies to be judged",
        )
    if not log.click.any():
        raise DataError(
            f"none of {len(log):,} pages has a click", where=where, fix="log more pages, or check the column 'click'"
        )
    users = int(log.clusters().max()) + 1
    if users < _FEWEST:
        raise DataError(
            f"{len(log):,} pages of {users} users" if log.user is not None else f"{len(log):,} pages",
            where=where,
            fix=f"give at least {_FEWEST}: half of them predict the other half",
        )


class _Outcome:
    """The click model of each half, predicting the other: q by half, context, place and candidate."""

    def __init__(self, log: ListLog, half: Int64, shape: tuple[int, int]) -> None:
        self._log, self._half = log, half
        self.q = np.stack([_predicted(log.take(np.flatnonzero(half != side)), shape) for side in (0, 1)])

    def shown(self) -> Float64:
        """Predicted clicks of what stood at each place, ``(S, L)``."""
        place = np.arange(self._log.shown.shape[1])
        q: Float64 = self.q[self._half[:, None], self._log.context[:, None], place, self._log.shown]
        return q

    def target(self, item_at_place: Float64) -> Float64:
        """Mean predicted clicks of what a policy shows at each place, ``(S, L)``."""
        by_context = np.einsum("gln,hgln->hgl", item_at_place, self.q)
        return np.asarray(by_context[self._half, self._log.context], dtype=np.float64)


def _predicted(log: ListLog, shape: tuple[int, int]) -> Float64:
    if not log.click.any():
        raise DataError(
            f"one half of the users, drawn by lot, has no click on its {len(log):,} pages",
            where="off-policy log",
            fix="log more users who click: the click model of each half predicts the other",
        )
    model = fit_position_clicks(log, contexts=shape[0], candidates=shape[1])
    q: Float64 = model.examination[None, :, None] * model.attraction[:, None, :]
    return q


class _Work:
    """What all policies share: the log's marginals, the outcome model, the control's value by each method."""

    def __init__(
        self, log: ListLog, served: ListPolicy, at_place: Float64, rule: OverlapRule, random: np.random.Generator
    ) -> None:
        self._log, self._rule, self._at_place = log, rule, at_place
        self._reward = r = log.click.astype(np.float64)
        self._cluster = log.clusters()
        users = int(self._cluster.max()) + 1
        self._half = (random.permutation(users) < users // 2).astype(np.int64)[self._cluster]
        self._shuffle = random.permutation(len(log))
        self._outcome = _Outcome(log, self._half, served.weight.shape)
        self._predicted = q = self._outcome.shown()
        expected = self._outcome.target(at_place)
        self._served = on_policy(r)
        self._served_direct = direct(expected)
        self._served_dr = doubly_robust(np.ones_like(r), r, q, expected)
        self._served_captured = self._captured(served)
        self.reading = reading_test(log.click, q, self._cluster) if log.click.shape[1] > 1 else None

    def estimates(self, policy: str, target: ListPolicy, at_place: Float64) -> list[LiftEstimate]:
        """The lift by every method and control; each divides by what the same method says of the policy that served."""
        log, r, q = self._log, self._reward, self._predicted
        few = self._rule.judge_users(int(self._cluster.max()) + 1)
        if few:
            return [self._row(policy, name, few) for name in (*METHODS, *CONTROLS)]
        place = place_weights(at_place, self._at_place, log.context, log.shown)
        expected = self._outcome.target(at_place)
        seen = overlap(place, r)
        refused = self._rule.judge(seen)
        found = [self._row(policy, "direct", lift(direct(expected), self._served_direct))]
        if refused:  # before anything is computed: weights of 0 have no SNIPS
            found += [self._row(policy, name, refused, seen.effective_rows) for name in _BY_PLACE]
        else:
            estimates = (
                lift(ips(place, r), self._served),
                lift(clipped_ips(place, r, clip=_CLIP), self._served),
                lift(snips(place, r), self._served),
                lift(doubly_robust(place, r, q, expected), self._served_dr),
                lift(switch(place, r, q, expected, threshold=_CLIP), self._served_dr),
            )
            rows = zip(_BY_PLACE, estimates, strict=True)
            found += [self._row(policy, name, one, seen.effective_rows) for name, one in rows]
        above = target.given_above(log.context, log.shown)
        for name, weights in (("cascade IPS", cascade_weights), ("list IPS", list_weights)):
            w = weights(above, log.propensity)
            seen = overlap(w, r)
            found.append(
                self._row(policy, name, self._rule.judge(seen) or lift(ips(w, r), self._served), seen.effective_rows)
            )
        return found + [self._row(policy, name, one) for name, one in self._controls(target, at_place, place).items()]

    def _controls(self, target: ListPolicy, at_place: Float64, place: Float64) -> dict[str, Estimate | Abstention]:
        """What misleads: places ignored, old clicks on one's own favourites, weights of other rows."""
        log, r = self._log, self._reward
        on_page = (at_place.sum(axis=1) / self._at_place.sum(axis=1))[log.context[:, None], log.shown]
        captured = self._served_captured
        nothing = Abstention(f"no click is on the first {_TOP_K} of the policy that served")
        return {
            "naive click rate": lift(ips(on_page, r), self._served),
            "top-K on the old log": lift(self._captured(target), captured) if captured.value else nothing,
            "shuffled propensities": lift(ips(place[self._shuffle], r), self._served),
        }

    def _captured(self, policy: ListPolicy) -> Estimate:
        """Clicks of the old log on the policy's first K candidates; the old policy chose who could be clicked."""
        k = min(_TOP_K, policy.weight.shape[1])
        first = policy.weight >= np.partition(policy.weight, -k, axis=1)[:, -k, None]
        return on_policy(self._reward * first[self._log.context[:, None], self._log.shown])

    def refitted(self, targets: list[Float64], draws: int, random: np.random.Generator) -> tuple[Interval, ...]:
        """DR of all policies, with a click model fitted anew to every draw of users, half by half.

        NaN where a draw leaves a half without a click.
        """
        log, shape = self._log, (self._at_place.shape[0], self._at_place.shape[2])

        def procedure(rows: Int64) -> Float64:
            drawn, half = log.take(rows), self._half[rows]
            if not all(drawn.click[half == side].any() for side in (0, 1)):
                return np.full(len(targets), np.nan)
            outcome = _Outcome(drawn, half, shape)
            r, q = drawn.click.astype(np.float64), outcome.shown()

            def value(at_place: Float64) -> float:
                weight = place_weights(at_place, self._at_place, drawn.context, drawn.shown)
                return doubly_robust(weight, r, q, outcome.target(at_place)).value

            served = value(self._at_place)
            return np.array([value(at_place) / served - 1.0 for at_place in targets])

        return refit_intervals(procedure, self._cluster, within=self._half, draws=draws, rng=random)

    def _row(self, policy: str, method: str, result: Estimate | Abstention, rows: float | None = None) -> LiftEstimate:
        if isinstance(result, Abstention):
            return LiftEstimate(policy, method, None, None, None, None, rows, result.reason)
        by_user = result.clustered(self._cluster)
        interval = by_user.interval()
        return LiftEstimate(policy, method, result.value, interval.low, interval.high, by_user.standard_error(), rows)


def _refitted(policy: str, refused: str, interval: Interval | None) -> LiftEstimate:
    if interval is not None and not np.isfinite([interval.low, interval.high]).all():
        refused = refused or "a draw of users leaves half of them without a click: too few of them click"
    if refused or interval is None:
        return LiftEstimate(policy, REFITTED, None, None, None, None, abstains=refused)
    spread = (interval.high - interval.low) / (2.0 * float(ndtri(0.975)))
    return LiftEstimate(policy, REFITTED, interval.estimate, interval.low, interval.high, spread)
