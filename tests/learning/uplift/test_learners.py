"""Uplift learners: by hand, against planted effects, and where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.learning.uplift.learners import dr_learner, dr_pseudo_outcome, t_learner, x_learner
from shortlist.learning.uplift.regression import BoostedRegression


def line(x, target):
    """Least squares with an intercept."""
    design = np.column_stack([np.ones(len(x)), x])
    weight = np.linalg.lstsq(design, target, rcond=None)[0]
    return lambda x: np.column_stack([np.ones(len(x)), x]) @ weight


def planted(n, seed, *, chance=0.5, effect=lambda x: 0.3 + 0.5 * x[:, 0], noise=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    arm = rng.random(n) < chance
    y = 1.0 + x @ [0.2, 1.0, -0.5] + arm * effect(x) + noise * rng.normal(size=n)
    return x, arm, y


LEARNERS = {
    "T": lambda x, arm, y, e, regress: t_learner(x, arm, y, regress=regress),
    "X": lambda x, arm, y, e, regress: x_learner(x, arm, y, chance=e, regress=regress),
    "DR": lambda x, arm, y, e, regress: dr_learner(x, arm, y, chance=e, regress=regress, rng=0),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_without_noise_a_planted_line_is_found_exactly(name):
    x, arm, y = planted(400, 1, noise=0.0)
    effect = LEARNERS[name](x, arm, y, 0.5, line)
    np.testing.assert_allclose(effect(x), 0.3 + 0.5 * x[:, 0], atol=1e-9)


@pytest.mark.statistical
@pytest.mark.parametrize("name", LEARNERS)
def test_the_average_effect_is_found_with_any_coin(name):
    """20,000 rows shown by a coin of 0.2: the mean has a standard error of .018; five of them."""
    x, arm, y = planted(20_000, 2, chance=0.2)
    effect = LEARNERS[name](x, arm, y, 0.2, line)
    assert effect(x).mean() == pytest.approx(0.3, abs=0.09)


@pytest.mark.statistical
def test_the_pseudo_outcome_has_the_effect_as_its_mean_whatever_the_regression():
    """A regression that is nonsense costs variance, not truth: 40,000 rows, five standard errors. A wrong chance does
    bias it: the control."""
    x, arm, y = planted(40_000, 3, chance=0.3)

    def nonsense(x, target):
        return lambda x: 5.0 + np.sin(7 * x[:, 1])

    pseudo = dr_pseudo_outcome(x, arm, y, chance=0.3, regress=nonsense, rng=0)
    error = pseudo.std() / 200
    assert abs(pseudo.mean() - 0.3) < 5 * error
    wrong = dr_pseudo_outcome(x, arm, y, chance=0.4, regress=nonsense, rng=0)
    assert abs(wrong.mean() - 0.3) > 5 * error


@pytest.mark.statistical
def test_x_beats_t_where_few_were_treated_and_the_effect_is_simple():
    """2,000 rows, a tenth treated, a constant effect: RMSE of X is some .82 of that of T, and below it in all of 5 seeds."""
    won = 0
    for seed in range(5):
        x, arm, y = planted(2_000, seed, chance=0.1, effect=lambda x: np.full(len(x), 0.5))
        trees = BoostedRegression(trees=100, min_rows=20)
        t, x_ = (LEARNERS[name](x, arm, y, 0.1, trees)(x) - 0.5 for name in "TX")
        won += (x_**2).mean() < (t**2).mean()
    assert won == 5


def test_a_user_is_in_one_fold():
    """Users with three rows each and an outcome of their own: a model of the other folds knows no user of a fold, so a
    regression that remembers users finds nobody. By rows, the control, it finds nearly all."""
    user = np.repeat(np.arange(60), 3)
    arm, y = np.arange(180) % 2 == 0, user.astype(float)
    known = []

    def remembers(x, target):
        seen = set(x[:, 0])

        def predict(x):
            known.append(np.mean([one in seen for one in x[:, 0]]))
            return np.zeros(len(x))

        return predict

    shares = []
    for group in (user, None):
        known.clear()
        dr_pseudo_outcome(user[:, None], arm, y, chance=0.5, regress=remembers, group=group, rng=0)
        shares.append(np.mean(known))
    assert shares[0] == 0.0
    assert shares[1] > 0.7


def test_trees_that_cannot_split_say_so():
    x, _, y = planted(150, 4)
    with pytest.raises(DataError, match="no tree splits 150 rows: a leaf has 100 at least"):
        BoostedRegression()(x, y)
    assert BoostedRegression()(x, np.ones(150))(x) == pytest.approx(1.0)


def test_trees_are_the_same_again_and_may_leave_0_to_1():
    x, _, y = planted(500, 4)
    first, again = (BoostedRegression(trees=20, min_rows=10)(x, y)(x) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.min() < 0 < 1 < first.max()


@pytest.mark.parametrize(
    "call",
    [
        lambda x, arm, y: t_learner(x, np.ones(50, bool), y, regress=line),
        lambda x, arm, y: t_learner(x, arm[:-1], y, regress=line),
        lambda x, arm, y: x_learner(x, arm, y, chance=1.0, regress=line),
        lambda x, arm, y: dr_learner(x, arm, y, chance=0.0, regress=line, rng=0),
        lambda x, arm, y: dr_learner(x, np.arange(50) == 0, y, chance=0.5, regress=line, rng=0),
        lambda x, arm, y: dr_learner(x, arm, y, chance=0.5, regress=line, group=np.arange(50) % 3, rng=0),
        lambda x, arm, y: BoostedRegression()(x, y[:-1]),
    ],
)
def test_what_cannot_be_learned_is_refused(call):
    with pytest.raises(DataError):
        call(*planted(50, 0))
