"""LightGBM and CatBoost as their users would set them, on the blend's own features."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from benchmarks.clicks.judged import Fit, Judged, loss_of
from benchmarks.clicks.split import SMALL, Split, Window
from shortlist.core.arrays import Float32
from shortlist.ranking.gbdt_inputs import gbdt_matrix

__all__ = ["PEERS", "best_of"]


def best_of(fits: Sequence[Fit], split: Split, seed: int) -> tuple[Fit, Judged]:
    """The setting that 2 May likes best, and what it said."""
    said = [fit(split, seed) for fit in fits]
    best = min(range(len(fits)), key=lambda k: loss_of(said[k].later, split.later))
    return fits[best], said[best]


def _lightgbm(**more: float) -> Fit:
    def fit(split: Split, seed: int) -> Judged:
        import lightgbm

        settings = {"objective": "binary", "learning_rate": 0.05, "seed": seed, "num_threads": 1, "verbose": -1} | more
        numbers, ids = _numbers(split.learn), _ids(split.learn, SMALL)
        categories = list(range(numbers.shape[1], numbers.shape[1] + ids.shape[1]))

        def matrix(window: Window) -> Float32:
            return np.hstack([_numbers(window), _ids(window, SMALL)])

        began = time.perf_counter()
        x = lightgbm.Dataset(np.hstack([numbers, ids]), split.learn.rows.label, categorical_feature=categories)
        later = lightgbm.Dataset(matrix(split.later), split.later.rows.label, reference=x)
        stop = lightgbm.early_stopping(30, verbose=False)
        model = lightgbm.train(settings, x, 500, valid_sets=[later], callbacks=[stop])
        took = time.perf_counter() - began
        return Judged.of(split, lambda part: np.asarray(model.predict(matrix(part), raw_score=True)), len(ids) / took)

    return fit


def _catboost(*, largest: float = SMALL, codes: bool = False) -> Fit:
    def fit(split: Split, seed: int) -> Judged:
        from catboost import CatBoostClassifier, FeaturesData, Pool

        def pool(window: Window) -> Pool:
            ids = _ids(window, largest)
            if codes:
                ids = np.hstack([ids, window.codes.astype(np.float32)])
            named = ids.astype(np.int64).astype(bytes).astype(object)
            return Pool(FeaturesData(_numbers(window), named), window.rows.label)

        settings = {"learning_rate": 0.08, "max_ctr_complexity": 1, "thread_count": 1, "random_seed": seed}
        began = time.perf_counter()
        model = CatBoostClassifier(iterations=500, verbose=False, allow_writing_files=False, **settings)
        model.fit(pool(split.learn), eval_set=pool(split.later), early_stopping_rounds=30)
        took = time.perf_counter() - began
        return Judged.of(
            split,
            lambda part: np.asarray(model.predict(pool(part), prediction_type="RawFormulaVal")),
            len(split.learn.user) / took,
        )

    return fit


PEERS: dict[str, Sequence[Fit]] = {
    "LightGBM": (
        _lightgbm(),
        _lightgbm(
            feature_fraction=0.3,
            bagging_fraction=0.6,
            bagging_freq=1,
            num_leaves=20,
            min_data_in_leaf=80,
            lambda_l2=10.0,
        ),
    ),
    "CatBoost": (_catboost(), _catboost(codes=True), _catboost(largest=np.inf)),
}
"""Of LightGBM the defaults, and the regularisation that the blend's trees have; of CatBoost the small categories, the
users' codes besides, and every id: users, videos, tags and music, of which it counts outcomes itself."""


def _numbers(window: Window) -> Float32:
    """Those that our trees read, ``(N, ·)``."""
    sizes = window.rows.sizes
    dense = gbdt_matrix(sizes, window.rows.inputs)[:, : sizes.request_dense + sizes.candidate_dense]
    return np.ascontiguousarray(dense)


def _ids(window: Window, largest: float) -> Float32:
    """The categories of up to ``largest`` ids, ``(N, ·)``."""
    sizes, inputs = window.rows.sizes, window.rows.inputs
    request, candidate = (np.array(one) <= largest for one in (sizes.request_ids, sizes.candidate_ids))
    ids = inputs["request_ids"][inputs["request_index"]][:, request], inputs["candidate_ids"][:, candidate]
    return np.hstack(ids).astype(np.float32)
