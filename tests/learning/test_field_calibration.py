"""Field calibration: planted shifts, sparse cells, no shifts at all, and cells never seen."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import DataError, ReleaseError
from shortlist.learning.calibration.by_field import FieldCalibrator, load_field_calibrator
from shortlist.learning.calibration.platt import PlattCalibrator


def world(spread, *, seed=0, n=80_000, advertisers=200, surfaces=3):
    """Advertisers with Zipf traffic on three surfaces; the model knows p but not the cell's shift."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, advertisers + 1)
    fields = np.stack([rng.choice(advertisers, n, p=share / share.sum()) + 10, rng.integers(0, surfaces, n)], axis=1)
    p = rng.beta(2, 30, n).clip(1e-3, 0.9)
    shift = spread * rng.standard_normal((advertisers + 10, surfaces))[fields[:, 0], fields[:, 1]]
    true = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + shift)))
    return p, true, rng.random(n) < true, fields


def expected_loss(p, true):
    return float(-(true * np.log(p) + (1 - true) * np.log1p(-p)).mean())


@pytest.mark.statistical
def test_recovers_planted_shifts_better_than_cells_alone_or_none():
    """Judged on the true probabilities; the two controls are worse by a third and more, in each of five worlds."""
    for seed in range(5):
        p, true, y, fields = world(0.6, seed=seed)
        fitted = FieldCalibrator.fit(p, y, fields)
        assert fitted.spread == pytest.approx(0.6, abs=0.15)
        error = np.mean((fitted.calibrate(p, fields) - true) ** 2)
        cell = np.unique(fields, axis=0, return_inverse=True)[1].reshape(-1)
        alone = np.bincount(cell, weights=y) / np.bincount(cell, weights=p)
        assert error < 0.67 * np.mean((p - true) ** 2)
        assert error < 0.67 * np.mean((np.clip(p * alone[cell], 0, 1) - true) ** 2)


@pytest.mark.statistical
def test_no_shifts_planted_none_found():
    """The moment estimate of 600 equal cells is noise: five worlds stay below .15, and the loss is not made worse."""
    for seed in range(5):
        p, true, y, fields = world(0.0, seed=seed)
        fitted = FieldCalibrator.fit(p, y, fields)
        assert fitted.spread < 0.15
        assert expected_loss(fitted.calibrate(p, fields), true) < expected_loss(p, true) + 5e-4


def test_shifts_solve_their_equation_and_a_sparse_cell_moves_less():
    """The slope of each cell's penalised likelihood is 0; to first order a cell moves by v / (v + 1 / t^2) of its way."""
    p, _, y, fields = world(0.3, seed=3)
    fitted = FieldCalibrator.fit(p, y, fields)
    cell = np.unique(fields, axis=0, return_inverse=True)[1].reshape(-1)
    miss = np.bincount(cell, weights=y - fitted.calibrate(p, fields))
    np.testing.assert_allclose(miss, np.array(fitted.shifts) / fitted.spread**2, atol=1e-6)
    first_order = np.bincount(cell, weights=y - p) / (np.bincount(cell, weights=p * (1 - p)) + 1 / fitted.spread**2)
    small = np.abs(first_order) < 0.1
    assert small.sum() > 100
    assert np.abs(np.array(fitted.shifts) - first_order)[small].max() < 0.02


def test_a_cell_never_seen_is_left_as_it_is_and_order_within_a_cell_stays():
    p, _, y, fields = world(0.6)
    fitted = FieldCalibrator.fit(p, y, fields)
    grid = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(fitted.calibrate(grid, np.full((99, 2), 999)), grid)
    inside = fitted.calibrate(np.concatenate([[0.0], grid, [1.0]]), np.tile(fields[:1], (101, 1)))
    assert (np.diff(inside) > 0).all()
    assert 0 < inside[0] < inside[-1] < 1


def test_saves_and_loads(tmp_path):
    p, _, y, fields = world(0.6, n=5_000)
    fitted = FieldCalibrator.fit(p, y, fields)
    fitted.save(tmp_path / "f.json")
    assert load_field_calibrator(tmp_path / "f.json") == fitted
    (tmp_path / "f.json").write_bytes(b'{"type":"field","cells":[[1]],"shifts":[],"spread":0.1}')
    with pytest.raises(ReleaseError, match="differ in number"):
        load_field_calibrator(tmp_path / "f.json")


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="alike"):
        FieldCalibrator.fit(np.array([0.1, 0.2]), np.array([1, 1]), np.zeros((2, 2), dtype=np.int64))
    with pytest.raises(DataError, match="fields"):
        FieldCalibrator.fit(np.array([0.1, 0.2]), np.array([1, 0]), np.zeros(2, dtype=np.int64))


@pytest.mark.statistical
def test_where_ads_stood_is_taken_into_account():
    """Cells at low slots are clicked less because they are looked at less; that is no shift of theirs.

    The control knows the mean effect of the slots and not who stood where: it finds a spread that is not planted.
    """
    p, true, _, fields = world(0.2, seed=7)
    rng = np.random.default_rng(7)
    low = rng.random(300)[fields[:, 0]]  # how often an advertiser stands low
    exposure = np.where(rng.random(len(p)) < low, 0.3, 1.0)
    y = rng.random(len(p)) < exposure * true
    aware = FieldCalibrator.fit(p, y, fields, exposure=exposure)
    blind = FieldCalibrator.fit(PlattCalibrator.fit(p, y).calibrate(p), y, fields)
    assert aware.spread == pytest.approx(0.2, abs=0.1)
    assert blind.spread > 0.3
    assert np.mean((aware.calibrate(p, fields) - true) ** 2) < 0.9 * np.mean((p - true) ** 2)


@pytest.mark.parametrize("exposure", [0.0, 1.5, np.nan])
def test_an_exposure_that_is_no_chance_is_refused(exposure):
    p, _, y, fields = world(0.2, n=200)
    with pytest.raises(DataError, match="exposure"):
        FieldCalibrator.fit(p, y, fields, exposure=exposure)
