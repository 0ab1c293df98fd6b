"""An over-confident model costs an auction true welfare; an error that multiplies all probabilities alike does not."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.evaluation.bootstrap import paired_interval
from shortlist.learning.calibration.by_field import FieldCalibrator
from shortlist.simulation.confidence import ConfidenceMarket

AUCTIONS = 4_000


@pytest.fixture(scope="module")
def market():
    return ConfidenceMarket.draw(AUCTIONS, rng=4)


@pytest.fixture(scope="module")
def calibrated(market):
    return market.at_temperature(1.0)


def loss(a, b):
    return paired_interval(a.welfare, b.welfare, np.arange(AUCTIONS), rng=0, level=0.999)


@pytest.mark.statistical
@pytest.mark.parametrize("temperature", [0.6, 0.4])
def test_an_overconfident_model_loses_true_welfare(market, calibrated, temperature):
    """Paired over auctions, 99.9% interval: were there no loss, it would lie below 0 less than once in 1,000 times."""
    overconfident = market.at_temperature(temperature)
    found = loss(overconfident, calibrated)
    assert found.high < 0.0
    assert found.estimate < -0.003 * calibrated.welfare.mean()
    assert overconfident.calibration_error > 2 * calibrated.calibration_error
    assert (overconfident.winner != calibrated.winner).any(axis=1).mean() > 0.1


@pytest.mark.statistical
def test_no_temperature_beats_the_calibrated_model(market, calibrated):
    """Under-confidence loses too; and the nearer to calibrated, the less is lost."""
    assert loss(market.at_temperature(2.0), calibrated).high < 0.0
    worse = [market.at_temperature(t).welfare.mean() for t in (1.0, 0.7, 0.5, 0.3)]
    assert worse == sorted(worse, reverse=True)


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_a_uniform_factor_cancels_without_a_reserve(market, calibrated, factor):
    """The control: winners and click prices of plain GSP do not know the scale. (The ECE does.)

    Factors are powers of two, exact in floating point; prices are equal to the micro.
    """
    scaled = market.run(factor * market.calibrated)
    np.testing.assert_array_equal(scaled.winner, calibrated.winner)
    np.testing.assert_array_equal(scaled.price, calibrated.price)
    np.testing.assert_array_equal(scaled.welfare, calibrated.welfare)
    assert scaled.calibration_error > 2 * calibrated.calibration_error


@pytest.mark.statistical
def test_one_advertisers_overconfidence_costs_welfare_and_field_calibration_wins_it_back(market, calibrated):
    """Half of the advertisers are held to be clicked three times as likely as they are; shifts are fitted to later clicks.

    Paired over auctions, 99.9% intervals. The error is alike for all of an advertiser's ads and cancels for none.
    """
    boosted = np.arange(market.bid.shape[1]) % 2 == 0
    log_odds = np.log(market.calibrated) - np.log1p(-market.calibrated) + np.where(boosted, np.log(3.0), 0.0)
    wrong = 1.0 / (1.0 + np.exp(-log_odds))
    fields = np.broadcast_to(np.arange(market.bid.shape[1])[None, :, None], (*market.bid.shape, 1)).reshape(-1, 1)
    half = AUCTIONS // 2 * market.bid.shape[1]  # the shifts have seen the clicks of the first half alone
    fitted = FieldCalibrator.fit(wrong.reshape(-1)[:half], market.click.reshape(-1)[:half], fields[:half])
    mended = fitted.calibrate(wrong.reshape(-1), fields).reshape(wrong.shape)
    later = np.arange(AUCTIONS // 2, AUCTIONS)
    welfare = {name: market.run(p).welfare[later] for name, p in (("wrong", wrong), ("mended", mended))}
    lost = paired_interval(welfare["wrong"], calibrated.welfare[later], later, rng=0, level=0.999)
    won = paired_interval(welfare["mended"], welfare["wrong"], later, rng=0, level=0.999)
    assert lost.high < -0.01 * calibrated.welfare[later].mean()
    assert won.low > 0.0
    assert abs(welfare["mended"].mean() / calibrated.welfare[later].mean() - 1.0) < 0.005


def test_the_same_market_from_the_same_seed():
    first, second = (ConfidenceMarket.draw(20, rng=1).at_temperature(0.5) for _ in range(2))
    np.testing.assert_array_equal(first.price, second.price)
    assert (ConfidenceMarket.draw(20, rng=1).at_temperature(0.5, reserve=500_000).price[first.winner >= 0] >= 0).all()


def test_a_part_of_a_market_is_sold_as_it_was_in_the_whole(market, calibrated):
    part = market.first(7).at_temperature(1.0)
    np.testing.assert_array_equal(part.price, calibrated.price[:7])
    np.testing.assert_array_equal(part.welfare, calibrated.welfare[:7])


def test_empty_slots_are_worth_nothing():
    market = ConfidenceMarket.draw(50, advertisers=2, rng=2)
    outcome = market.at_temperature(1.0)
    assert (outcome.winner[:, 2] == -1).all()
    nobody = market.at_temperature(1.0, reserve=10**12)
    assert (nobody.winner == -1).all()
    assert nobody.welfare.sum() == nobody.revenue.sum() == 0.0
