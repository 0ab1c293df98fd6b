"""Three learners of ``effect(x) = E[y | x, treated] - E[y | x, not treated]`` from a randomised log.

With t who was treated, e the chance of it, and m_1, m_0 the regressions of the outcome in the two arms:

    T   m_1(x) - m_0(x)
    X   regress y - m_0(x) on the treated, m_1(x) - y on the others; (1 - e) the first + e the second
    DR  regress  m_1 - m_0 + t (y - m_1) / e - (1 - t) (y - m_0) / (1 - e)  on x, with m of the other folds

T fits two outcomes and takes the noise of both; X and DR regress something whose mean is the effect itself, so that a
small effect is shrunk as a small thing. X: Künzel, Sekhon, Bickel & Yu, PNAS 116, 2019. DR: Kennedy, EJS 17, 2023.
"""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.learning.uplift.regression import Predict, Regression

__all__ = ["dr_learner", "dr_pseudo_outcome", "t_learner", "x_learner"]


def t_learner(x: Array, treated: Array, outcome: Array, *, regress: Regression) -> Predict:
    """Two regressions, one an arm.

    Args:
        x: ``(N, F)``, known before the treatment.
        treated: bool ``(N,)``, by a coin.
        outcome: ``(N,)``.
        regress: fits a mean.

    Raises:
        DataError: an arm is empty, or the numbers of rows differ.
    """
    rows, arm, y = _checked(x, treated, outcome)
    m1, m0 = regress(rows[arm], y[arm]), regress(rows[~arm], y[~arm])

    def effect(x: Array) -> Float64:
        return np.asarray(m1(x) - m0(x), dtype=np.float64)

    return effect


def x_learner(x: Array, treated: Array, outcome: Array, *, chance: float, regress: Regression) -> Predict:
    """Imputed effects, regressed in each arm; arguments as for ``t_learner``, and the chance e of treatment."""
    rows, arm, y = _checked(x, treated, outcome)
    _check_chance(chance)
    m1, m0 = regress(rows[arm], y[arm]), regress(rows[~arm], y[~arm])
    on_treated = regress(rows[arm], y[arm] - m0(rows[arm]))
    on_others = regress(rows[~arm], m1(rows[~arm]) - y[~arm])

    def effect(x: Array) -> Float64:
        return np.asarray((1.0 - chance) * on_treated(x) + chance * on_others(x), dtype=np.float64)

    return effect


def dr_learner(
    x: Array,
    treated: Array,
    outcome: Array,
    *,
    chance: float,
    regress: Regression,
    group: Array | None = None,
    folds: int = 5,
    rng: Rng,
) -> Predict:
    """The doubly robust pseudo-outcome, regressed; arguments as for ``x_learner`` and ``dr_pseudo_outcome``."""
    rows, arm, y = _checked(x, treated, outcome)
    pseudo = dr_pseudo_outcome(rows, arm, y, chance=chance, regress=regress, group=group, folds=folds, rng=rng)
    return regress(rows, pseudo)


def dr_pseudo_outcome(
    x: Array,
    treated: Array,
    outcome: Array,
    *,
    chance: float,
    regress: Regression,
    group: Array | None = None,
    folds: int = 5,
    rng: Rng,
) -> Float64:
    """``(N,)``, whose mean given x is the effect whatever m is, for the chance is known.

    Args:
        x: as for ``t_learner``, and so are the next two.
        treated: by a coin.
        outcome: of each row.
        chance: e, of treatment.
        regress: fits m.
        group: ``(N,)``, the user of each row, who is in one fold only: m would else know the user's other rows. None
            where each row is another's.
        folds: m of a fold's rows is fitted on the others.
        rng: of the folds.

    Raises:
        DataError: an arm of a fold is empty, there are fewer groups than folds, the numbers of rows differ, or the
            chance is not inside (0, 1).

    Example:
        >>> def at_zero(x, target):
        ...     return lambda x: np.zeros(len(x))
        >>> arm, y = np.array([True, False, True, False]), np.array([1.0, 0.0, 0.0, 1.0])
        >>> dr_pseudo_outcome(np.zeros((4, 1)), arm, y, chance=0.5, regress=at_zero, folds=1, rng=0).tolist()
        [2.0, 0.0, 0.0, -2.0]
    """
    rows, arm, y = _checked(x, treated, outcome)
    _check_chance(chance)
    of = np.arange(len(rows)) if group is None else np.unique(np.asarray(group), return_inverse=True)[1]
    if of.shape != arm.shape or of.max() + 1 < folds:
        raise DataError(
            f"{of.max() + 1} groups of {len(of)} rows, {folds} folds",
            where="uplift",
            fix="give a group a row, and fewer folds",
        )
    fold = (generator(rng).permutation(of.max() + 1) % folds)[of]
    m1, m0 = np.empty(len(rows)), np.empty(len(rows))
    for number in range(folds):
        own = fold == number
        other = ~own if folds > 1 else own
        for predicted, which in ((m1, arm), (m0, ~arm)):
            fit = other & which
            if not fit.any():
                raise _empty()
            predicted[own] = regress(rows[fit], y[fit])(rows[own])
    return m1 - m0 + np.where(arm, (y - m1) / chance, -(y - m0) / (1.0 - chance))


def _checked(x: Array, treated: Array, outcome: Array) -> tuple[Float64, Bool, Float64]:
    rows, arm, y = np.asarray(x, dtype=np.float64), np.asarray(treated, dtype=bool), np.asarray(outcome)
    if rows.ndim != 2 or arm.shape != (len(rows),) or y.shape != arm.shape:
        raise DataError(
            f"shapes {rows.shape}, {arm.shape}, {y.shape}", where="uplift", fix="give (N, F), (N,) and (N,)"
        )
    if arm.all() or not arm.any():
        raise _empty()
    return rows, arm, y.astype(np.float64)


def _check_chance(chance: float) -> None:
    if not 0.0 < chance < 1.0:
        raise DataError(f"a chance of {chance}", where="uplift", fix="give the share of the coin, inside (0, 1)")


def _empty() -> DataError:
    return DataError("an arm is empty", where="uplift", fix="give rows that were treated and rows that were not")
