"""Click models fitted on a million lists of ten: seconds, and how far from what was planted, beside a plain NumPy EM.

The lists are SIMULATED from each model's own parameters: 20,000 pairs with skewed traffic, the better ones nearer to
the top. The peer is what one writes from the papers' formulas: one expectation for every shown place and every step,
with ``np.add.at``. Both run the same number of steps of EM for the position-based model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from benchmarks.report import Row
from shortlist.core.arrays import Float64
from shortlist.learning.click_models.base import ClickModel
from shortlist.learning.click_models.dbn import DynamicModel, fit_dbn
from shortlist.learning.click_models.dcm import DependentModel, fit_dcm
from shortlist.learning.click_models.pbm import PositionModel, fit_pbm
from shortlist.learning.click_models.sessions import Sessions
from shortlist.learning.click_models.ubm import BrowsingModel, fit_ubm

__all__ = ["run"]

PAIRS, PLACES, STEPS = 20_000, 10, 20
_NONE = np.empty(0)


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Every model on lists of its own kind, and the peer on those of the position-based model."""
    n = 50_000 if quick else 1_000_000
    rng = np.random.default_rng(seed)
    attraction = np.concatenate([[0.0], rng.beta(2.0, 6.0, PAIRS)])
    place = np.arange(PLACES)
    distance = np.arange(PLACES + 1)
    browsing = np.where(distance == place[:, None] + 1, 0.9 ** place[:, None], 0.8**distance)
    shown = _lists(attraction, n, rng)
    rows: list[Row] = []
    truth: ClickModel
    for name, truth, fit in (
        ("PBM", PositionModel(attraction, np.asarray((1.0 + place) ** -0.8, dtype=np.float64), _NONE), fit_pbm),
        ("UBM", BrowsingModel(attraction, browsing, _NONE), fit_ubm),
        ("DCM", DependentModel(attraction, np.linspace(0.8, 0.4, PLACES - 1), _NONE), fit_dcm),
        ("DBN", DynamicModel(attraction, rng.beta(3.0, 3.0, PAIRS + 1), 0.9, _NONE), fit_dbn),
    ):
        sessions = Sessions.of(shown, _clicks(truth, shown, rng))
        began = time.perf_counter()
        fitted = fit(sessions, n_pairs=PAIRS, steps=STEPS, tolerance=0.0)
        took_s = time.perf_counter() - began
        what = f"{name}, {n:,} lists of {PLACES}, {STEPS} steps"
        rows.append(Row("shortlist", f"{what}: fit", took_s, "s"))
        rows.append(_error("shortlist", what, fitted.attraction, attraction, shown))
        if name == "PBM":
            began = time.perf_counter()
            plain = _plain_em(sessions)
            peer_s = time.perf_counter() - began
            rows.append(Row("plain NumPy EM", f"{what}: fit", peer_s, "s"))
            rows.append(_error("plain NumPy EM", what, plain, attraction, shown))
            rows.append(Row("shortlist", f"{what}: times faster than plain NumPy EM", peer_s / took_s, "times"))
            began = time.perf_counter()
            settled = fit_pbm(sessions, n_pairs=PAIRS, steps=2_000, tolerance=1e-8)
            what = f"PBM, {n:,} lists of {PLACES}, until it settles, {len(settled.log_posterior)} steps"
            rows.append(Row("shortlist", f"{what}: fit", time.perf_counter() - began, "s"))
            rows.append(_error("shortlist", what, settled.attraction, attraction, shown))
    return rows


def _lists(attraction: Float64, n: int, rng: np.random.Generator) -> np.ndarray:
    """A list is a query's ten pairs, the better ones nearer to the top but for noise; queries are Zipfian."""
    queries = PAIRS // 20
    query = np.minimum(rng.zipf(1.3, n) - 1, queries - 1)
    pool = 1 + query[:, None] * 20 + rng.permuted(np.tile(np.arange(20), (n, 1)), axis=1)[:, :PLACES]
    noisy = attraction[pool] + rng.normal(0.0, 0.15, pool.shape)
    return np.take_along_axis(pool, np.argsort(-noisy, axis=1), axis=1).astype(np.int32)


def _clicks(model: ClickModel, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    click = np.zeros(shown.shape, dtype=bool)
    for r in range(shown.shape[1]):
        e = model.examined_given_above(Sessions(shown, click))[:, r]
        click[:, r] = rng.random(len(shown)) < e * model.attraction[shown[:, r]]
    return click


def _error(who: str, what: str, fitted: Float64, planted: Float64, shown: np.ndarray) -> Row:
    """Traffic-weighted: pairs that were seldom shown are known badly by any fit."""
    traffic = np.bincount(shown.ravel(), minlength=len(planted))
    error = float(np.average(np.abs(fitted - planted), weights=traffic))
    return Row(who, f"{what}: mean error of attraction", error, "probability")


def _plain_em(sessions: Sessions) -> Float64:
    shown, click = sessions.shown, sessions.click
    a, e = np.full(PAIRS + 1, 0.5), np.linspace(0.9, 0.5, PLACES)
    for _ in range(STEPS):
        both = a[shown] * e
        examined = np.where(click, 1.0, (e - both) / (1.0 - both))
        won, of = np.zeros(PAIRS + 1), np.zeros(PAIRS + 1)
        np.add.at(won, shown, click)
        np.add.at(of, shown, examined)
        a, e = (won + 0.1) / (of + 0.2), examined.mean(axis=0)
    scaled: Float64 = a * e[0]
    return scaled
