"""Calibrators: one suite for all kinds, planted distortions, and the closed form for thinned negatives."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import DataError, ReleaseError
from shortlist.evaluation.metrics.log_loss import log_loss
from shortlist.learning.calibration.beta import BetaCalibrator
from shortlist.learning.calibration.downsampling import undo_downsampling
from shortlist.learning.calibration.histogram import HistogramCalibrator
from shortlist.learning.calibration.identity import IdentityCalibrator
from shortlist.learning.calibration.isotonic import IsotonicCalibrator
from shortlist.learning.calibration.load import load_calibrator
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.learning.calibration.temperature import TemperatureCalibrator, at_temperature

FITTED = [PlattCalibrator, IsotonicCalibrator, BetaCalibrator, HistogramCalibrator]
KINDS = [IdentityCalibrator, TemperatureCalibrator, *FITTED]


def world(n=60_000, seed=0):
    """True probabilities, what a model makes of them (too steep and shifted), and what happens."""
    rng = np.random.default_rng(seed)
    true = rng.beta(1.0, 6.0, n).clip(1e-4, 1 - 1e-4)
    distorted = 1 / (1 + np.exp(-(1.7 * np.log(true / (1 - true)) + 0.8)))
    return true, distorted, rng.random(n) < true


@pytest.mark.parametrize("kind", FITTED)
@pytest.mark.statistical
def test_recovers_a_planted_distortion(kind):
    """With 60,000 rows the mean error is below 0.01 but with a chance far under 1 in 1,000; the control is above."""
    true, distorted, happened = world()
    recovered = kind.fit(distorted, happened).calibrate(distorted)
    assert np.abs(recovered - true).mean() < 0.01
    assert np.abs(distorted - true).mean() > 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_keeps_the_order_and_stays_inside_the_unit_interval(kind):
    _, distorted, happened = world(5_000)
    grid = np.concatenate([[0.0], np.linspace(0, 1, 1001), [1.0]])
    calibrated = kind.fit(distorted, happened).calibrate(grid)
    assert (np.diff(calibrated) >= 0).all()
    assert (calibrated > 0).all()
    assert (calibrated < 1).all()
    assert np.isfinite(log_loss(calibrated, np.arange(len(grid)) % 2))


@pytest.mark.parametrize("kind", FITTED)
def test_mean_prediction_equals_the_mean_label_where_it_was_fitted(kind):
    _, distorted, happened = world(20_000)
    assert kind.fit(distorted, happened).calibrate(distorted).mean() == pytest.approx(happened.mean(), rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_as_many_rows(kind):
    _, p, y = world(2_000)
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    weighted = kind.fit(p, y, weight=weight).calibrate(p)
    repeated = kind.fit(np.repeat(p, weight), np.repeat(y, weight)).calibrate(p)
    np.testing.assert_allclose(weighted, repeated, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_saves_and_loads(kind, tmp_path):
    _, p, y = world(2_000)
    fitted = kind.fit(p, y)
    fitted.save(tmp_path / "c.json")
    loaded = load_calibrator(tmp_path / "c.json")
    assert type(loaded) is kind
    np.testing.assert_array_equal(loaded.calibrate(p), fitted.calibrate(p))


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_labels_of_one_kind(kind):
    with pytest.raises(DataError, match="alike"):
        kind.fit(np.array([0.1, 0.2]), np.array([True, True]))


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_nan(kind):
    with pytest.raises(DataError, match="NaN"):
        kind.fit(np.array([0.1, np.nan]), np.array([True, False]))


@pytest.mark.statistical
def test_a_temperature_undoes_a_temperature_and_cannot_undo_a_shift():
    """The standard error of 1 / T is .006 with these rows: false alarms below 1 in 10,000."""
    true, _, happened = world()
    fitted = TemperatureCalibrator.fit(at_temperature(true, 0.5), happened)
    assert fitted.temperature == pytest.approx(2.0, abs=0.1)
    assert np.abs(fitted.calibrate(at_temperature(true, 0.5)) - true).mean() < 0.01
    shifted = true / (true + 3 * (1 - true))
    assert np.abs(TemperatureCalibrator.fit(shifted, happened).calibrate(shifted) - true).mean() > 0.02


@pytest.mark.statistical
def test_beta_undoes_what_platt_cannot():
    """p^2 bends the ends unlike each other; off by .01 on average with a chance far under 1 in 1,000."""
    true = np.random.default_rng(1).uniform(0.02, 0.98, 60_000)
    happened = np.random.default_rng(2).random(60_000) < true
    error = {
        k: np.abs(k.fit(true**2, happened).calibrate(true**2) - true).mean() for k in (BetaCalibrator, PlattCalibrator)
    }
    assert error[BetaCalibrator] < 0.01 < error[PlattCalibrator]


def test_beta_keeps_to_slopes_that_do_not_fall():
    _, p, y = world(5_000)
    fitted = BetaCalibrator.fit(1 - p, y)
    assert min(fitted.a, fitted.b) >= 0.0
    assert fitted.calibrate(p)[0] == pytest.approx(y.mean(), rel=1e-6)


def test_a_histogram_spelled_out():
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    fitted = HistogramCalibrator.fit(p, np.array([0, 1, 0, 0, 1, 1]), bins=3)
    assert fitted.edges == (0.1, 0.5)  # the shares 1/2 and 0 fall, so their bins are one
    assert fitted.values == (0.25, 1 - 1e-6)


def test_a_model_that_orders_backwards_gets_a_constant_not_a_reversal():
    _, p, y = world(5_000)
    fitted = PlattCalibrator.fit(1 - p, y)
    assert fitted.slope == 0.0
    assert fitted.calibrate(p)[0] == pytest.approx(y.mean(), rel=1e-6)


def test_isotonic_equals_scikit_learn_at_every_row():
    from sklearn.isotonic import IsotonicRegression

    _, p, y = world(3_000)
    ours = IsotonicCalibrator.fit(p, y).calibrate(p)
    theirs = IsotonicRegression(y_min=1e-6, y_max=1 - 1e-6, out_of_bounds="clip").fit(p, y).predict(p)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"type":"platt","slope":1.0}',
        b'{"type":"platt","slope":-1.0,"intercept":0.0}',
        b'{"type":"beta","a":1.0,"b":-1.0,"c":0.0}',
        b'{"type":"temperature","inverse":-1.0}',
        b'{"type":"histogram","edges":[0.1,0.2],"values":[0.3,0.2]}',
        b'{"type":"isotonic","knots":[],"values":[]}',
        b'{"type":"isotonic","knots":[0.1,0.1],"values":[0.1,0.2]}',
        b'{"type":"isotonic","knots":[0.1,0.2],"values":[0.3,0.2]}',
    ],
)
def test_a_torn_file_is_refused(content, tmp_path):
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(ReleaseError, match="calibrator"):
        load_calibrator(tmp_path / "c.json")


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.01, 1.0))
@settings(derandomize=True, max_examples=50)
def test_downsampling_is_undone_exactly(p, rate):
    """Keeping negatives with chance r makes P(positive | kept) = p / (p + r (1 - p)); undoing gives p back."""
    kept = p / (p + rate * (1 - p))
    assert undo_downsampling(np.array([kept]), rate)[0] == pytest.approx(p, rel=1e-6)


@pytest.mark.statistical
def test_downsampling_is_undone_on_drawn_rows():
    """A rate of .03 from 10 per cent of 400,000 negatives: off by 5 per cent with a chance under 1 in 10,000."""
    rng = np.random.default_rng(3)
    y = rng.random(400_000) < 0.03
    kept = y | (rng.random(len(y)) < 0.1)
    assert undo_downsampling(np.array([y[kept].mean()]), 0.1)[0] == pytest.approx(0.03, rel=0.05)
    assert y[kept].mean() > 0.2  # what one would believe without it


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.5, float("nan")])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(DataError, match="rate"):
        undo_downsampling(np.array([0.5]), rate)


def test_the_file_says_which_kind_it_is(tmp_path):
    PlattCalibrator(1.0, 0.0).save(tmp_path / "c.json")
    assert msgspec.json.decode((tmp_path / "c.json").read_bytes())["type"] == "platt"
