"""Every click model against enumeration, against its own planted parameters, and EM against the gradient."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.learning.click_models.base import log_likelihood, perplexity
from shortlist.learning.click_models.cascade import CascadeModel, fit_cascade
from shortlist.learning.click_models.chain import chain_posterior
from shortlist.learning.click_models.dbn import DynamicModel, fit_dbn
from shortlist.learning.click_models.dcm import DependentModel, fit_dcm
from shortlist.learning.click_models.gradient import (
    fit_dbn_by_gradient,
    fit_dcm_by_gradient,
    fit_pbm_by_gradient,
    fit_ubm_by_gradient,
)
from shortlist.learning.click_models.pbm import PositionModel, fit_pbm
from shortlist.learning.click_models.sessions import Sessions
from shortlist.learning.click_models.ubm import BrowsingModel, fit_ubm

NONE = np.empty(0)
PAIRS = 12
A = np.concatenate([[0.0], np.random.default_rng(1).uniform(0.1, 0.8, PAIRS)])
S = np.concatenate([[0.0], np.random.default_rng(2).uniform(0.1, 0.9, PAIRS)])


def browsing(places):
    r, d = np.arange(places)[:, None], np.arange(places + 1)
    e = np.where(d == r + 1, 0.9**r, 0.75**d)
    return np.where((d >= 1) & (d <= r + 1), e, np.nan)


def truth(kind, places):
    return {
        "pbm": PositionModel(A, 1.0 / np.arange(1, places + 1) ** 0.7, NONE),
        "ubm": BrowsingModel(A, browsing(places), NONE),
        "cascade": CascadeModel(A),
        "dcm": DependentModel(A, np.linspace(0.8, 0.4, places - 1), NONE),
        "dbn": DynamicModel(A, S, 0.85, NONE),
    }[kind]


KINDS = ("pbm", "ubm", "cascade", "dcm", "dbn")
FIT = {"pbm": fit_pbm, "ubm": fit_ubm, "cascade": fit_cascade, "dcm": fit_dcm, "dbn": fit_dbn}
GRADIENT = {
    "pbm": fit_pbm_by_gradient,
    "ubm": fit_ubm_by_gradient,
    "dcm": fit_dcm_by_gradient,
    "dbn": fit_dbn_by_gradient,
}


def lists(n, places, rng, *, ragged=False):
    shown = rng.permuted(np.tile(np.arange(1, PAIRS + 1), (n, 1)), axis=1)[:, :places]
    if ragged:
        shown[np.arange(places) >= rng.integers(1, places + 1, n)[:, None]] = 0
    return shown


def draw(model, shown, rng):
    """Clicks from the model, place by place, each given those above it."""
    click = np.zeros(shown.shape, dtype=bool)
    for r in range(shown.shape[1]):
        e = model.examined_given_above(Sessions(shown.astype(np.int32), click))[:, r]
        click[:, r] = rng.random(len(shown)) < e * model.attraction[shown[:, r]]
    return Sessions.of(shown, click)


# What the models' formulas mean, written out as hidden events of one list.


def chain_of(kind, model, shown):
    """(chance to go on without a click, after a click) at each place of one list."""
    if kind == "cascade":
        return 1.0, np.zeros(len(shown))
    if kind == "dcm":
        return 1.0, np.append(model.goes_on, 0.0)
    return model.perseverance, model.perseverance * (1.0 - model.satisfaction[shown])


def paths(kind, model, shown):
    """Every (examined, click) of one list with its probability."""
    n = len(shown)
    for examined in itertools.product((0, 1), repeat=n):
        for click in itertools.product((0, 1), repeat=n):
            if any(c and not e for c, e in zip(click, examined, strict=True)):
                continue
            p = 1.0
            last = -1
            for r in range(n):
                if kind == "pbm":
                    e = model.examination[r]
                elif kind == "ubm":
                    e = model.examination[r, r - last]
                elif r == 0:
                    e = 1.0
                elif not examined[r - 1]:
                    e = 0.0
                else:
                    none, on_click = chain_of(kind, model, shown)
                    e = on_click[r - 1] if click[r - 1] else none
                a = model.attraction[shown[r]]
                p *= e if examined[r] else 1.0 - e
                p *= (a if click[r] else 1.0 - a) if examined[r] else 1.0
                last = r if click[r] else last
            yield np.array(examined), np.array(click), p


@pytest.mark.oracle
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("places", [2, 4, 6])
def test_likelihood_and_marginals_equal_the_enumeration_of_every_pattern(kind, places):
    shown = lists(1, places, np.random.default_rng(places))[0]
    model = truth(kind, places)
    by_click, examined, total = {}, np.zeros(places), 0.0
    for e, c, p in paths(kind, model, shown):
        by_click[tuple(c)] = by_click.get(tuple(c), 0.0) + p
        examined += p * e
        total += p
    assert total == pytest.approx(1.0)
    possible = {click: p for click, p in by_click.items() if p > 0}
    sessions = Sessions.of(np.tile(shown, (len(possible), 1)), np.array(list(possible)))
    assert np.exp(log_likelihood(model, sessions)) == pytest.approx(list(possible.values()), rel=1e-12)
    assert model.examined(sessions)[0] == pytest.approx(examined, rel=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["cascade", "dcm", "dbn"])
@pytest.mark.parametrize("places", [2, 4, 6])
def test_the_posterior_of_examination_equals_the_enumeration_of_every_pattern(kind, places):
    shown = lists(1, places, np.random.default_rng(places))[0]
    model = truth(kind, places)
    mass, seen = {}, {}
    for e, c, p in paths(kind, model, shown):
        mass[tuple(c)] = mass.get(tuple(c), 0.0) + p
        seen[tuple(c)] = seen.get(tuple(c), 0.0) + p * e
    possible = [click for click, p in mass.items() if p > 0]
    sessions = Sessions.of(np.tile(shown, (len(possible), 1)), np.array(possible))
    none, on_click = chain_of(kind, model, shown)
    a = np.tile(model.attraction[shown], (len(possible), 1))
    found = chain_posterior(a, np.tile(on_click, (len(possible), 1)), none, sessions).examined
    assert found == pytest.approx(np.array([seen[c] / mass[c] for c in possible]), abs=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_recovers_what_was_planted(kind):
    places = 5
    rng = np.random.default_rng(7)
    model = truth(kind, places)
    sessions = draw(model, lists(60_000, places, rng), rng)
    fitted = FIT[kind](sessions)
    # 60,000 lists of 12 pairs: a pair is shown 25,000 times, so that 0.03 is beyond 5 standard errors of any rate
    assert fitted.attraction[1:] == pytest.approx(A[1:], abs=0.03)
    for name in ("examination", "goes_on", "perseverance"):
        if hasattr(model, name):
            planted, found = getattr(model, name), getattr(fitted, name)
            assert found == pytest.approx(planted, abs=0.05, nan_ok=True), name
    if kind == "dbn":
        assert fitted.satisfaction[1:] == pytest.approx(S[1:], abs=0.08)


def test_who_stands_below_what_satisfies_is_misjudged_by_place_alone():
    """Pair 2 is shown only below pair 1, which is clicked and satisfies: DBN knows why it is seldom reached."""
    rng = np.random.default_rng(7)
    attraction, satisfaction = A.copy(), S.copy()
    attraction[1], satisfaction[1] = 0.9, 0.9
    shown = rng.permuted(np.tile(np.arange(3, PAIRS + 1), (60_000, 1)), axis=1)[:, :5]
    shown[::2, :2] = 1, 2
    sessions = draw(DynamicModel(attraction, satisfaction, 0.85, NONE), shown, rng)
    assert fit_dbn(sessions).attraction[2] == pytest.approx(attraction[2], abs=0.05)
    assert fit_pbm(sessions).attraction[2] < 0.6 * attraction[2]


@pytest.mark.property
@pytest.mark.parametrize("kind", ["pbm", "ubm", "dcm", "dbn"])
@pytest.mark.parametrize("seed", range(4))
def test_the_log_posterior_of_em_never_falls(kind, seed):
    rng = np.random.default_rng(seed)
    sessions = draw(truth(kind, 5), lists(300, 5, rng, ragged=True), rng)
    path = FIT[kind](sessions, pseudo=0.3, tolerance=0.0, steps=40).log_posterior
    assert len(path) > 5
    assert (np.diff(path) >= -1e-9 * abs(path[-1])).all()


@pytest.mark.oracle
@pytest.mark.parametrize("kind", sorted(GRADIENT))
def test_the_gradient_comes_to_the_optimum_of_em(kind):
    rng = np.random.default_rng(11)
    sessions = draw(truth(kind, 4), lists(3_000, 4, rng, ragged=True), rng)
    by_em = FIT[kind](sessions, pseudo=1.0, tolerance=1e-12, steps=3_000)
    by_gradient = GRADIENT[kind](sessions, pseudo=1.0, steps=600)
    assert by_gradient.log_posterior[-1] == pytest.approx(by_em.log_posterior[-1], rel=2e-6)
    assert by_gradient.attraction[1:] == pytest.approx(by_em.attraction[1:], abs=0.01)


def test_perplexity_of_the_truth_is_below_a_coins_and_below_another_models():
    rng = np.random.default_rng(5)
    model = truth("ubm", 5)
    sessions = draw(model, lists(20_000, 5, rng), rng)
    own, other = perplexity(model, sessions), perplexity(CascadeModel(A), sessions)
    assert (own < 2.0).all()
    assert own.mean() < other.mean()


def test_what_was_never_shown_is_a_coin_and_what_is_unknown_stays_at_the_prior():
    fitted = fit_pbm(Sessions.of([[1, 2], [2, 1]], [[1, 0], [0, 0]]), n_pairs=5)
    assert fitted.attraction[5] == pytest.approx(0.5 * fitted.attraction[5] / 0.5)
    assert np.isfinite(fitted.attraction).all()
    assert np.isfinite(fit_dbn(Sessions.of([[1, 0]], [[0, 0]])).attraction).all()


@pytest.mark.parametrize(
    ("shown", "click", "says"),
    [
        ([[1, 2]], [[0]], "shape"),
        ([[1, -2]], [[0, 0]], "number what is shown"),
        ([[1, 0]], [[0, 1]], "nothing was shown"),
        ([[0, 1]], [[0, 0]], "gap"),
        (np.empty((0, 3), dtype=int), np.empty((0, 3)), "shape"),
    ],
)
def test_torn_sessions_are_refused(shown, click, says):
    with pytest.raises(DataError, match=says):
        Sessions.of(shown, click)


def test_the_cascade_model_refuses_lists_with_several_clicks():
    with pytest.raises(DataError, match="1 of 2 lists have several clicks"):
        fit_cascade(Sessions.of([[1, 2], [2, 1]], [[1, 1], [0, 1]]))
