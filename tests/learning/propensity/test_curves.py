"""Five ways to the same examination curve: one planted world, one ground truth, and controls that must miss it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from shortlist.core.errors import DataError
from shortlist.learning.click_models.pbm import fit_pbm
from shortlist.learning.click_models.sessions import Sessions
from shortlist.learning.propensity.curve import inverse_propensity_weights
from shortlist.learning.propensity.dual import dual_learning
from shortlist.learning.propensity.harvest import curve_from_harvest
from shortlist.learning.propensity.lists import ListBatch
from shortlist.learning.propensity.regression_em import regression_em
from shortlist.learning.propensity.swaps import curve_from_swaps
from shortlist.learning.propensity.tower import position_tower
from shortlist.learning.propensity.weighted_ranker import weighted_ranker

PLACES, QUERIES, DOCS, N = 5, 400, 8, 60_000
CURVE = 1.0 / np.arange(1, PLACES + 1)


class PositionWorld:
    """Queries with documents whose attraction follows from features, and rankers that know them more or less."""

    def __init__(self, seed=3):
        self.rng = np.random.default_rng(seed)
        self.features = self.rng.standard_normal((QUERIES, DOCS, 4))
        self.attraction = expit(self.features @ np.array([1.0, -0.8, 0.5, 0.0]) - 1.0)

    def rankings(self, noise):
        """The best five of each query by a score that is off by noise, drawn once a ranker."""
        score = np.log(self.attraction) + self.rng.normal(scale=noise, size=self.attraction.shape)
        return np.argsort(-score, axis=1)[:, :PLACES]

    def clicks(self, query, shown):
        return self.rng.random(shown.shape) < CURVE * self.attraction[query[:, None], shown]

    def serve(self, rankings, n=N):
        """Lists of queries drawn evenly, each by one of the rankings, and their clicks."""
        query = self.rng.integers(QUERIES, size=n)
        shown = np.stack(rankings)[self.rng.integers(len(rankings), size=n), query]
        return query, shown, self.clicks(query, shown)

    def batch(self, query, shown, click):
        return ListBatch.of(self.features[query[:, None], shown], click)

    def agreement(self, ranker):
        return np.corrcoef(ranker.score(self.features.reshape(-1, 4)), np.log(self.attraction).ravel())[0, 1]


@pytest.fixture(scope="module")
def world():
    return PositionWorld()


@pytest.fixture(scope="module")
def served(world):
    return world.serve([world.rankings(0.8), world.rankings(0.8)])


def flat(query, shown, click):
    return (query[:, None] * DOCS + shown).ravel(), np.tile(np.arange(PLACES), len(query)), click.ravel()


@pytest.mark.statistical
def test_swap_interventions_find_the_curve_and_their_own_error(world):
    query, shown, _ = world.serve([world.rankings(0.3)], n=2 * N)
    partner = world.rng.integers(1, PLACES, len(query))
    rows = np.flatnonzero(world.rng.random(len(query)) < 0.5)
    shown[rows, 0], shown[rows, partner[rows]] = shown[rows, partner[rows]], shown[rows, 0].copy()
    click = world.clicks(query, shown)
    curve = curve_from_swaps(partner, click[:, 0], click[np.arange(len(query)), partner], places=PLACES)
    off = (curve.examination[1:] - CURVE[1:]) / curve.standard_error[1:]
    assert np.abs(off).max() < 4.0  # of four normal deviates: one false alarm in 4,000 seeds
    assert curve.standard_error[1:].max() < 0.03


def test_click_rates_by_place_mix_attraction_into_the_curve(served):
    click = served[2]
    assert np.abs(click.mean(axis=0) / click[:, 0].mean() - CURVE).max() > 0.08


def test_intervention_harvesting_finds_the_curve(served):
    assert curve_from_harvest(*flat(*served), places=PLACES).examination == pytest.approx(CURVE, abs=0.06)


def test_one_ranker_alone_leaves_nothing_to_harvest(world):
    with pytest.raises(DataError, match=r"no .* pair was shown at the first place and at another"):
        curve_from_harvest(*flat(*world.serve([world.rankings(0.8)], n=2_000)), places=PLACES)


def test_places_that_no_pair_ties_to_the_first_stay_unknown():
    pair, place = np.repeat([1, 1, 2, 2], 50), np.repeat([0, 1, 2, 3], 50)
    curve = curve_from_harvest(pair, place, np.tile([1, 0], 100), places=4)
    assert np.isnan(curve.examination).tolist() == [False, False, True, True]


def test_em_over_pairs_finds_the_curve(served):
    query, shown, click = served
    fitted = fit_pbm(Sessions.of(1 + query[:, None] * DOCS + shown, click), steps=2_000, tolerance=1e-9)
    assert fitted.examination == pytest.approx(CURVE, abs=0.06)


def test_regression_em_finds_the_curve_from_features_alone(world, served):
    query, shown, click = (part[:8_000] for part in served)
    _, place, clicked = flat(query, shown, click)
    x = world.features[query[:, None], shown].reshape(-1, 4)
    curve, attraction = regression_em(x, place, clicked, places=PLACES)
    assert curve.examination == pytest.approx(CURVE, abs=0.08)
    assert np.corrcoef(attraction, world.attraction[query[:, None], shown].ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("learn", "epochs", "off"), [(dual_learning, 10, 0.12), (position_tower, 8, 0.17)])
def test_a_ranker_and_its_curve_are_learned_together(world, served, learn, epochs, off):
    """Both are cruder than EM: the one weighs places within lists, the other multiplies odds and not chances."""
    ranker, curve = learn(world.batch(*(part[:20_000] for part in served)), epochs=epochs, rng=0)
    assert curve.examination == pytest.approx(CURVE, abs=off)
    assert world.agreement(ranker) > 0.9


def test_weighted_clicks_unlearn_what_the_logger_went_by(world):
    """The logger sorts by a feature that attracts nobody: plain clicks, the negative control, teach it all the same."""
    shown = np.argsort(-world.features[..., 3], axis=1)[:, :PLACES]
    query, shown, click = world.serve([shown], n=10_000)
    batch, place = world.batch(query, shown, click), np.tile(np.arange(PLACES), (len(query), 1))
    weighted, plain = (
        weighted_ranker(batch, inverse_propensity_weights(place, curve), hidden=0, epochs=8, rng=0).linear
        for curve in (CURVE, np.ones(PLACES))
    )
    assert abs(weighted[3]) < 0.2 < 0.5 < plain[3]
    assert weighted[0] > 0.5


@pytest.mark.parametrize("learn", [dual_learning, position_tower])
def test_same_seed_same_result(world, served, learn):
    batch = world.batch(*(part[:2_000] for part in served))
    (one, curve), (two, again) = learn(batch, epochs=1, rng=4), learn(batch, epochs=1, rng=4)
    assert (one.linear == two.linear).all()
    assert (curve.examination == again.examination).all()


@pytest.mark.statistical
def test_weights_give_back_what_would_be_clicked_at_the_first_place(world, served):
    query, shown, click = served
    _, place, clicked = flat(query, shown, click)
    weighted = inverse_propensity_weights(place, CURVE, clip=100.0) * clicked
    truth = world.attraction[query[:, None], shown].mean()
    se = weighted.std() / np.sqrt(len(clicked))
    assert abs(weighted.mean() - truth) < 4 * se  # one false alarm in 16,000 seeds
    assert (inverse_propensity_weights(place, CURVE, clip=2.0) * clicked).mean() < truth - 4 * se


def test_self_normalised_weights_of_a_list_have_a_mean_of_one():
    weight = inverse_propensity_weights(np.array([0, 1, 3, 2]), CURVE, clip=10.0, normalise=np.array([5, 5, 9, 9]))
    assert weight.reshape(2, 2).mean(axis=1) == pytest.approx([1.0, 1.0])
    assert weight[1] == pytest.approx(2 * weight[0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: inverse_propensity_weights(np.array([9]), CURVE), "not known"),
        (lambda: inverse_propensity_weights(np.array([0]), CURVE, clip=0.5), "the clip is 0.5"),
        (lambda: inverse_propensity_weights(np.array([1]), np.array([1.0, np.nan])), "not known"),
        (lambda: curve_from_swaps(np.array([0]), np.array([1]), np.array([1]), places=3), "partners lie between"),
        (lambda: curve_from_swaps(np.array([1]), np.array([1, 0]), np.array([1]), places=3), "1 partners, 2 and 1"),
        (lambda: curve_from_harvest(np.array([1]), np.array([7]), np.array([1]), places=3), "places lie between"),
        (lambda: regression_em(np.zeros((2, 1)), np.array([0]), np.array([1]), places=2), "2 rows of features"),
        (lambda: weighted_ranker(ListBatch.of(np.zeros((1, 2, 1)), np.ones((1, 2))), np.ones(2)), "weights"),
        (lambda: ListBatch.of(np.zeros((2, 3)), np.zeros((2, 3))), "features"),
        (lambda: ListBatch.of(np.full((1, 2, 1), np.nan), np.ones((1, 2))), "not finite"),
        (lambda: ListBatch.of(np.zeros((1, 2, 1)), np.zeros((1, 2))), "none at all"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(call, says):
    with pytest.raises(DataError, match=says):
        call()
