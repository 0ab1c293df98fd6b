"""Off-policy estimators: identities, double robustness, slates, intervals, overlap."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from shortlist.core.errors import DataError
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
from shortlist.evaluation.off_policy.refit import refit_interval
from shortlist.evaluation.off_policy.specification import reading_test
from shortlist.evaluation.off_policy.weights import cascade_weights, list_weights, place_weights

ACTIONS = np.arange(4)
MEAN = np.array([[0.1, 0.5, 0.3, 0.2], [0.6, 0.2, 0.1, 0.4], [0.3, 0.3, 0.7, 0.1]])
SHARE = np.array([0.5, 0.3, 0.2])
LOGGED = np.array([[0.4, 0.2, 0.3, 0.1], [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.2, 0.5]])
TARGET = np.array([[0.1, 0.6, 0.2, 0.1], [0.5, 0.1, 0.1, 0.3], [0.2, 0.1, 0.6, 0.1]])
TRUTH = float(SHARE @ (TARGET * MEAN).sum(axis=1))


def log(n, seed, reward_shift=0.0):
    rng = np.random.default_rng(seed)
    x = rng.choice(3, n, p=SHARE)
    a = (rng.random(n)[:, None] > np.cumsum(LOGGED, axis=1)[x]).sum(axis=1)
    return x, a, (rng.random(n) < MEAN[x, a]) + reward_shift


def estimates(x, a, r, *, model=MEAN, logged=LOGGED):
    w = TARGET[x, a] / logged[x, a]
    return w, doubly_robust(w, r, model[x, a], (TARGET * model).sum(axis=1)[x])


def test_identities():
    x, a, r = log(2_000, 0)
    w, _ = estimates(x, a, r)
    nothing = np.zeros(len(r))
    assert doubly_robust(w, r, nothing, nothing).value == ips(w, r).value
    np.testing.assert_array_equal(doubly_robust(w, r, nothing, nothing).influence, ips(w, r).influence)
    for constant in (-2.0, 0.5, 10.0):
        assert snips(w, r + constant).value == pytest.approx(snips(w, r).value + constant, abs=1e-12)
        assert abs(ips(w, r + constant).value - ips(w, r).value - constant) > 1e-3
    q, t = MEAN[x, a], (TARGET * MEAN).sum(axis=1)[x]
    assert switch(w, r, q, t, threshold=1e9).value == doubly_robust(w, r, q, t).value
    assert switch(w, r, q, t, threshold=1e-9).value == direct(t).value
    assert clipped_ips(w, r, clip=1e9).value == ips(w, r).value
    assert clipped_ips(w, r, clip=0.5).value < ips(w, r).value
    assert ips(np.ones(len(r)), r).value == on_policy(r).value


@pytest.mark.oracle
def test_the_difference_in_means_is_ips_with_the_empirical_propensity_and_the_optimal_control_variate():
    """Of two arms, ``mean(r | a) - mean(r | b)`` to the last bits."""
    rng = np.random.default_rng(1)
    arm = rng.random(500) < 0.3
    r = rng.normal(1.0, 1.0, 500) + arm
    share = arm.mean()
    mean = np.where(arm, r[arm].mean(), r[~arm].mean())

    def dr(target):
        w = np.where(arm == target, 1.0 / (share if target else 1.0 - share), 0.0)
        predicted = r[arm == target].mean()
        return doubly_robust(w, r, mean, np.full(500, predicted)).value

    assert dr(True) - dr(False) == pytest.approx(r[arm].mean() - r[~arm].mean(), abs=1e-14)


@pytest.mark.statistical
def test_one_wrong_part_is_forgiven_two_are_not():
    """Mean over 60 logs of 500 and of 32,000: with one part right its error is within 5 standard errors of 0 and falls
    with n; with both wrong it stays. A fresh seed fails less than once in 100,000."""
    wrong_model, wrong_logged = np.full_like(MEAN, 0.9), np.full_like(LOGGED, 0.25)

    def errors(n, **parts):
        return np.array([estimates(*log(n, seed), **parts)[1].value - TRUTH for seed in range(60)])

    for parts in ({"model": wrong_model}, {"logged": wrong_logged}, {}):
        few, many = errors(500, **parts), errors(32_000, **parts)
        assert abs(many.mean()) < 5 * many.std() / np.sqrt(60)
        assert np.abs(many).mean() < 0.25 * np.abs(few).mean()
    both = {"model": wrong_model, "logged": wrong_logged}
    few, many = errors(500, **both), errors(32_000, **both)
    assert abs(many.mean()) > 20 * many.std() / np.sqrt(60)
    assert np.abs(many).mean() > 0.5 * np.abs(few).mean()


@pytest.mark.statistical
@pytest.mark.parametrize("method", ["ips", "snips", "dr", "lift"])
def test_intervals_cover_as_often_as_they_say(method):
    """500 logs of 2,000: coverage of 95% intervals within .915 and .985, 3.6 standard errors; false alarms 1 in 3,000."""
    covered = []
    for seed in range(500):
        x, a, r = log(2_000, seed)
        w, dr = estimates(x, a, r, model=np.full_like(MEAN, 0.3))
        by = {"ips": ips(w, r), "snips": snips(w, r), "dr": dr, "lift": lift(dr, on_policy(r))}
        true = TRUTH / float(SHARE @ (LOGGED * MEAN).sum(axis=1)) - 1 if method == "lift" else TRUTH
        interval = by[method].interval()
        covered.append(interval.low <= true <= interval.high)
    assert 0.915 <= np.mean(covered) <= 0.985


@pytest.mark.statistical
def test_intervals_of_few_clusters_cover_as_often_as_they_say():
    """3,000 means of 6 normal clusters: within .938 and .962, 3 standard errors; a normal interval covers .89."""
    rng = np.random.default_rng(2)
    user = np.repeat(np.arange(6), 10)
    held = 0
    for _ in range(3_000):
        rows = rng.normal(size=6)[user]
        found = Estimate("mean", float(rows.mean()), rows - rows.mean()).interval(user)
        held += found.low <= 0.0 <= found.high
    assert 0.938 <= held / 3_000 <= 0.962


def test_rows_of_one_user_count_once():
    x, a, r = log(500, 3)
    w, _ = estimates(x, a, r)
    once, thrice = ips(w, r), ips(np.tile(w, 3), np.tile(r, 3))
    user = np.tile(np.arange(500), 3)
    assert thrice.standard_error(user) == pytest.approx(once.standard_error(np.arange(500)), rel=1e-12)
    assert thrice.standard_error() == pytest.approx(once.standard_error() / np.sqrt(3), rel=0.01)
    assert thrice.interval(user).n_clusters == 500
    assert Estimate("one", 1.0, np.zeros(1)).standard_error() == np.inf


@pytest.mark.statistical
def test_an_interval_that_refits_covers_what_was_fitted_too():
    """SNIPS-like: IPS with propensities estimated on the same rows, 100 logs of 400 with 60 draws each; coverage of
    the 95% interval is above .83 in all but one of 50,000 seeds (binomial at .94)."""
    covered = 0
    for seed in range(100):
        x, a, r = log(400, seed)

        def procedure(rows, x=x, a=a, r=r):
            counts = np.bincount(x[rows] * 4 + a[rows], minlength=12).reshape(3, 4) + 0.5
            fitted = counts / counts.sum(axis=1, keepdims=True)
            return ips(TARGET[x[rows], a[rows]] / fitted[x[rows], a[rows]], r[rows]).value

        found = refit_interval(procedure, np.arange(400), draws=60, rng=seed)
        covered += found.low <= TRUTH <= found.high
    assert covered > 83
    with pytest.raises(DataError, match="1 clusters"):
        refit_interval(lambda rows: 0.0, np.zeros(5), rng=0)


LISTS = ListPolicy.softmax(np.array([[0.0, 0.5, 1.0, 0.2]]), temperature=1.0, places=3)
OTHER = ListPolicy.softmax(np.array([[1.0, 0.4, 0.0, 0.6]]), temperature=0.8, places=3)
CURVE, LIKES = np.array([1.0, 0.6, 0.3]), np.array([0.5, 0.2, 0.7, 0.4])


def expectation(reward, weight):
    """Of a weighted reward over every list of the log's policy, and of the reward over the target's."""
    mean = truth = 0.0
    for shown in permutations(range(4), 3):
        lists, context = np.array([shown]), np.zeros(1, dtype=np.int64)
        logged, target = LISTS.given_above(context, lists), OTHER.given_above(context, lists)
        mean += logged.prod() * (weight(context, lists, target, logged) * reward(lists)).sum()
        truth += target.prod() * reward(lists).sum()
    return mean, truth


def pbm(lists):
    return CURVE * LIKES[lists]


def cascade(lists):
    a = LIKES[lists]
    return a * np.cumprod(np.insert(1 - a, 0, 1.0, axis=1), axis=1)[:, :-1]


def by_place(context, lists, _target, _logged):
    return place_weights(OTHER.item_at_place(), LISTS.item_at_place(), context, lists)


@pytest.mark.oracle
def test_each_slate_estimator_is_unbiased_in_its_own_world_and_in_those_above_it():
    """Exactly, by summing over all lists; and the position-based one is biased where users stop reading."""
    whole = lambda _c, _l, target, logged: list_weights(target, logged)  # noqa: E731
    above = lambda _c, _l, target, logged: cascade_weights(target, logged)  # noqa: E731
    for reward, weights in ((pbm, (whole, above, by_place)), (cascade, (whole, above))):
        for weight in weights:
            mean, truth = expectation(reward, weight)
            assert mean == pytest.approx(truth, abs=1e-12)
    mean, truth = expectation(cascade, by_place)
    assert abs(mean - truth) > 0.005


def test_the_less_a_reward_may_depend_on_the_smaller_are_the_weights():
    rng = np.random.default_rng(2)
    context = np.zeros(4_000, dtype=np.int64)
    lists = LISTS.draw(context, rng=rng)
    target, logged = OTHER.given_above(context, lists), LISTS.given_above(context, lists)
    r = np.ones(lists.shape)
    worth = [
        overlap(w, r).effective_rows
        for w in (list_weights(target, logged), cascade_weights(target, logged), by_place(context, lists, None, None))
    ]
    assert worth == sorted(worth)
    assert worth[0] < worth[2]


def test_it_abstains_with_a_reason():
    rule, rng = OverlapRule(), np.random.default_rng(0)
    n = 5_000
    rewards = (rng.random(n) < 0.3).astype(float)
    fine = rng.gamma(4.0, 0.25, n)
    assert rule.judge(overlap(fine, rewards)) is None
    heavy = np.full(n, 1e-3)
    heavy[:20] = n / 20
    cases = {
        "rows are worth 20": (heavy, rewards),
        "the rewards of": (fine, np.arange(n) < 4),
        "one row has": (np.concatenate([fine[:-1], [376.0]]), rewards),
        "the propensities are not those of this log": (2 * fine, rewards),
    }
    for reason, (w, r) in cases.items():
        refused = rule.judge(overlap(w, r))
        assert isinstance(refused, Abstention), reason
        assert reason in refused.reason
    assert "never shown" in rule.judge(overlap(fine, rewards, unsupported=0.2)).reason


@pytest.mark.statistical
def test_the_reading_test_finds_what_stops_and_spares_what_does_not():
    """400 logs of 3,000 lists. Under the null it rejects 5%: between 1.7 and 8.3% are 3 standard errors.

    Users who click more or less readily than others (log-deviation .5), in 80 logs, read by place as well: clicks come
    together, and it is not said that they stop.
    """
    rng = np.random.default_rng(6)
    rejected = {"pbm": 0, "unlike": 0, "cascade": 0}
    together = 0
    user = np.arange(3_000) % 300
    for n in range(400):
        lists = LISTS.draw(np.zeros(3_000, dtype=np.int64), rng=rng)
        p = pbm(lists)
        rejected["pbm"] += reading_test(rng.random(p.shape) < p, p).rejected
        if n < 80:
            own = np.minimum(1.0, p * np.exp(0.5 * rng.normal(size=300))[user, None])
            of_unlike = reading_test(rng.random(p.shape) < own, p * own.mean() / p.mean(), user)
            rejected["unlike"] += of_unlike.rejected
            together += of_unlike.together
        would = rng.random(p.shape) < LIKES[lists]
        first = would & (np.cumsum(would, axis=1) == 1)
        fitted = cascade(lists)
        rejected["cascade"] += reading_test(first, fitted).rejected
    assert 0.017 <= rejected["pbm"] / 400 <= 0.083
    assert rejected["unlike"] == 0
    assert together / 80 > 0.5
    assert rejected["cascade"] / 400 > 0.9


@pytest.mark.parametrize(
    "call",
    [
        lambda: ips(np.ones(3), np.ones(2)),
        lambda: ips(np.array([np.nan]), np.ones(1)),
        lambda: ips(np.empty(0), np.empty(0)),
        lambda: snips(np.zeros(3), np.ones(3)),
        lambda: clipped_ips(np.ones(3), np.ones(3), clip=0.0),
        lambda: list_weights(np.ones((1, 2)), np.zeros((1, 2))),
        lambda: cascade_weights(np.full((1, 2), 1.5), np.ones((1, 2))),
        lambda: overlap(np.empty(0), np.empty(0)),
        lambda: lift(ips(np.ones(2), np.ones(2)), ips(np.ones(2), np.zeros(2))),
        lambda: reading_test(np.ones((3, 1)), np.ones((3, 1))),
    ],
)
def test_what_cannot_be_estimated_is_refused(call):
    with pytest.raises(DataError):
        call()
