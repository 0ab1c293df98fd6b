"""Whom to show it to: by who would click, by who would click at the first place, or by whose mind it changes.

    P(click | shown)           of those who were shown it, wherever it stood
    P(click | shown, place 1)  the place is an input, and 1 is asked for
    T, X and DR                the effect of showing on conversions, from both arms of the coin

All are learned on the half of the users that they are not judged on, and judged by the Qini coefficient of conversions.
"""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.bootstrap import Interval
from shortlist.evaluation.metrics.qini import auuc, qini
from shortlist.evaluation.off_policy.refit import refit_intervals
from shortlist.learning.uplift.learners import dr_learner, t_learner, x_learner
from shortlist.learning.uplift.regression import BoostedRegression, Predict, Regression
from shortlist.training.uplift_log import UpliftLog

__all__ = ["CLICK", "CLICK_AT_1", "EFFECTS", "METHODS", "UpliftScore", "UpliftVerdict", "judge_uplift"]

CLICK, CLICK_AT_1 = "P(click | shown)", "P(click | shown, place 1)"
EFFECTS = ("T-learner", "X-learner", "DR-learner")
METHODS = (CLICK, CLICK_AT_1, *EFFECTS)
_FEWEST_USERS, _FEWEST_EVENTS = 100, 10
"""Of an arm in a half: a rate from ten events has a standard error of a third of itself."""


class UpliftScore(msgspec.Struct, frozen=True):
    """A method on the judged half.

    Attributes:
        method: its name.
        qini: in conversions a user, with its 95% interval by user.
        auuc: likewise.
        more: its Qini less that of ``P(click | shown)``, on the same draws of users.
    """

    method: str
    qini: Interval
    auuc: Interval
    more: Interval


class UpliftVerdict(msgspec.Struct, frozen=True):
    """What the log says.

    Attributes:
        learned: rows learned from.
        judged: rows judged on.
        chance: of being shown, as found.
        average: effect on conversions, a user.
        scores: in the order of ``METHODS``.
    """

    learned: int
    judged: int
    chance: float
    average: float
    scores: tuple[UpliftScore, ...]


def judge_uplift(
    log: UpliftLog, *, regress: Regression | None = None, draws: int = 200, rng: Rng = 0
) -> tuple[UpliftVerdict, dict[str, Predict]]:
    """Learn all, judge all.

    Args:
        log: one row a user or several; whether a user was shown must be a coin's word.
        regress: the regression of all methods; boosted trees where not given.
        draws: of users, for the intervals.
        rng: of halves, folds and draws.

    Returns:
        The verdict, and what each method predicts of any rows of features.

    Raises:
        DataError: all or none were shown, or an arm of a half has fewer than 100 users or 10 conversions, or what was
            shown fewer than 10 clicks: no interval means anything then.
    """
    random = generator(rng)
    users, of = np.unique(log.user, return_inverse=True)
    if log.shown.all() or not log.shown.any():
        raise DataError(
            f"{int(log.shown.sum())} of {len(log)} rows were shown",
            where="uplift",
            fix="give a log in which a coin showed it to some",
        )
    learn = (random.permutation(len(users)) < len(users) // 2)[of]
    _check_arms(log, learn)
    chance = float(log.shown.mean())
    predict = _learned(log, np.flatnonzero(learn), chance, regress or BoostedRegression(), random)
    judged = np.flatnonzero(~learn)
    score = np.stack([predict[name](log.features[judged]) for name in METHODS])
    shown, bought = log.shown[judged], log.converted[judged]

    def procedure(rows: Int64) -> Float64:
        arm, y = shown[rows], bought[rows]
        q, a = ([area(one[rows], arm, y) for one in score] for area in (qini, auuc))
        return np.array([*q, *a, *(value - q[0] for value in q)])

    found = refit_intervals(procedure, log.user[judged], draws=draws, rng=random)
    n = len(METHODS)
    scores = tuple(UpliftScore(name, found[k], found[n + k], found[2 * n + k]) for k, name in enumerate(METHODS))
    average = float(bought[shown].mean() - bought[~shown].mean())
    return UpliftVerdict(int(learn.sum()), len(judged), chance, average, scores), predict


def _learned(
    log: UpliftLog, rows: Int64, chance: float, regress: Regression, random: np.random.Generator
) -> dict[str, Predict]:
    x, shown = log.features[rows], log.shown[rows]
    bought = log.converted[rows].astype(np.float64)
    click, place = log.click[rows][shown].astype(np.float64), log.place[rows][shown]
    placed = regress(np.column_stack([x[shown], place]), click)

    def at_first(x: Array) -> Float64:
        return placed(np.column_stack([x, np.ones(len(x))]))

    t, x_, dr = EFFECTS
    return {
        CLICK: regress(x[shown], click),
        CLICK_AT_1: at_first,
        t: t_learner(x, shown, bought, regress=regress),
        x_: x_learner(x, shown, bought, chance=chance, regress=regress),
        dr: dr_learner(x, shown, bought, chance=chance, regress=regress, group=log.user[rows], rng=random),
    }


def _check_arms(log: UpliftLog, learn: Array) -> None:
    for half, name in ((learn, "learned from"), (~learn, "judged on")):
        for arm, side in ((log.shown, "shown"), (~log.shown, "not shown")):
            own = half & arm
            counts = [("users", len(np.unique(log.user[own])), _FEWEST_USERS)]
            counts.append(("conversions", int(log.converted[own].sum()), _FEWEST_EVENTS))
            if side == "shown" and half is learn:
                counts.append(("clicks", int(log.click[own].sum()), _FEWEST_EVENTS))
            for what, found, least in counts:
                if found < least:
                    raise DataError(
                        f"{found} {what} among those {side} in the half that is {name} (at least {least})",
                        where="uplift",
                        fix="log more users in both arms",
                    )
