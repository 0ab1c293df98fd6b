"""Clicks and long views of KuaiRand-Pure: every ranker and their blend beside LightGBM and CatBoost, by seeds.

Learned from 25 April to 1 May, chosen on 2 May, judged on 3 and 4 May with all histories and counts frozen at the end
of 2 May. Everyone gets the same numbers: what the video and the user are, and how often and with what outcome the user,
the video, its tag, its length, the page and the hour, and pairs of them, were met. Rows to learn from know the other
days of the log but not their own (``DeclaredRows.cross_fitted``); rows that are judged know the past only. Peers see
the small categories too, as categories. A peer has two settings; 2 May chooses between them, as it stops all
trainings and weighs the blend. Platt's two numbers, fitted on 2 May, calibrate all alike.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
import torch
from scipy.special import expit

from benchmarks.report import Row
from shortlist.core.arrays import Array, Bool, Float32, Float64, Int64
from shortlist.datasets.kuairand_impressions import OUTCOMES, load_impressions, midnight_us
from shortlist.evaluation.bootstrap import clustered_interval, paired_interval
from shortlist.evaluation.calibration import debiased_calibration_interval
from shortlist.evaluation.metrics.auc import auc, grouped_auc
from shortlist.evaluation.metrics.log_loss import log_losses
from shortlist.evaluation.paired_auc import paired_auc_interval
from shortlist.features.declaration import Category, Declaration, History, Number, Tags
from shortlist.features.declared_features import DeclaredFeatures
from shortlist.features.declared_rows import DeclaredRows
from shortlist.features.event_store import EventStore
from shortlist.features.statistics_table import Statistic
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.learning.fit_classifier import ClassifierRecipe
from shortlist.ranking.blend import Member
from shortlist.ranking.gbdt_inputs import gbdt_matrix
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.spec_sizes import spec_sizes
from shortlist.training.fit_blend import BlendRecipe, fit_blend
from shortlist.training.fit_rankers import NEURAL, fit_neural

__all__ = ["run"]

TARGETS = ("is_click", "long_view")
SEEDS = 5
CODES = tuple(f"onehot_feat{k}" for k in range(18))
COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
KNOWN_OF_USER = ("is_live_streamer", "is_video_author", *COUNTS, *CODES)
LINEAR = ClassifierRecipe(epochs=6, patience=1, chunk=2_048, embedding_rate=0.03)
"""Of LR, whose ids have one weight each and learn more slowly; all other nets are trained like the blend's."""
SMALL = 128
"""Ids up to which peers are given a category as such."""

DECLARATION = Declaration(
    user="user",
    request=("user", "tab", "hour", "active", *KNOWN_OF_USER),
    features=(
        *(Number(name=f"{name} as a number", column=name) for name in ("seconds", "width", "height", "hour")),
        *(Number(name=f"{name} as a number", column=name) for name in KNOWN_OF_USER),
        Category(name="user", columns=("user",)),
        Category(name="item", columns=("item",), least=3),
        Category(name="tag", columns=("tag",)),
        Category(name="music", columns=("music",), least=5),
        *(Category(name=name, columns=(name,)) for name in ("upload", "music_type", "length", "tab", "hour", "active")),
        *(Category(name=f"tab and {name}", columns=("tab", name)) for name in ("hour", "length", "tag")),
        Tags(name="tags", column="tags", length=3),
        History(name="clicked", like="item", length=5, outcome="is_click"),
        History(name="tags clicked", like="tag", length=5, outcome="is_click"),
        History(name="passed over", like="item", length=5, outcome="is_click", happened=False),
        History(name="tags passed over", like="tag", length=5, outcome="is_click", happened=False),
    ),
    statistics=(
        *(Statistic(name=name, columns=(name,)) for name in ("user", "item", "tag", "length", "tab")),
        *(Statistic(name=f"user, {name}", columns=("user", name), prior="user") for name in ("tab", "tag", "length")),
        Statistic(name="item, tab", columns=("item", "tab"), prior="item"),
        *(Statistic(name=f"tab, {name}", columns=("tab", name), prior="tab") for name in ("tag", "length", "hour")),
    ),
    outcomes=OUTCOMES,
)


CODED = Declaration(
    user="user",
    request=("user", *CODES),
    features=tuple(Category(name=CODES[k], columns=(CODES[k],), least=20) for k in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11)),
)
"""The users' codes of more than three values as categories, which CatBoost is better with."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Impressions of some days, ready for everybody.

    Attributes:
        rows: the inputs; their label is the target's.
        codes: int64 ``(N, ·)``, the users' codes as categories.
        user: of each row.
    """

    rows: InputRows
    codes: Int64
    user: Int64

    @property
    def label(self) -> Bool:
        """Did it happen?"""
        return self.rows.label > 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows to learn from, to choose on and to judge."""

    learn: Window
    later: Window
    test: Window

    @classmethod
    def of(cls, target: str, days: tuple[int, int, int], *, every: int) -> Split:
        """The impressions of every so-manieth user.

        Args:
            target: "is_click" or "long_view".
            days: the instants at which the later rows, the test rows, and what follows them begin.
            every: 1 for all users.
        """
        table = load_impressions().filter(pl.col("user") % every == 0)
        later_us, test_us, end_us = days
        learn, later, test = (
            table.filter((pl.col("at_us") >= start) & (pl.col("at_us") < end))
            for start, end in ((0, later_us), (later_us, test_us), (test_us, end_us))
        )
        rows = (
            DeclaredRows.cross_fitted(learn, learn["at_us"].to_numpy(), end_us=later_us),
            DeclaredRows.impressions(later, np.full(len(later), later_us)),
            DeclaredRows.impressions(test, np.full(len(test), test_us)),
        )
        store = EventStore(DECLARATION, table)
        features = DeclaredFeatures.fit(DECLARATION, store, rows[0])
        sizes = spec_sizes(features.spec)
        no_events = EventStore(CODED, table[:0])
        codes = DeclaredFeatures.fit(CODED, no_events, rows[0])
        small = np.array([one.size for one in codes.spec.request_categorical]) <= SMALL

        def window(part: DeclaredRows) -> Window:
            label = part.candidates[target].to_numpy().astype(np.float32)
            coded = codes.compute(no_events, part)["request_ids"][:, small]
            inputs = InputRows(sizes, features.compute(store, part), label)
            return Window(inputs, coded, part.requests["user"].to_numpy())

        return cls(*map(window, rows))


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a system said of the later and of the test rows, as log odds.

    Attributes:
        rows_a_second: in training, all passes counted.
    """

    later: Float64
    test: Float64
    rows_a_second: float

    @classmethod
    def of(cls, split: Split, logits: Callable[[Window], Array], rows_a_second: float) -> Judged:
        """By asking it."""
        later, test = (np.asarray(logits(part), dtype=np.float64) for part in (split.later, split.test))
        return cls(later, test, rows_a_second)


def run(quick: bool, seed: int) -> Sequence[Row]:
    """AUC, log-loss, calibration, AUC within users and speed; and the blend less each peer over the seeds."""
    load_impressions()  # says what is missing before a process starts
    targets = TARGETS[:1] if quick else TARGETS
    with ProcessPoolExecutor(max_workers=len(targets), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_of_target, targets, [quick] * len(targets), [seed] * len(targets)))
    return [row for part in parts for row in part]


def _of_target(target: str, quick: bool, seed: int) -> list[Row]:
    torch.set_num_threads(1)
    days = midnight_us(5, 2), midnight_us(5, 3), midnight_us(5, 5)
    split = Split.of(target, days, every=10 if quick else 1)
    recipe = BlendRecipe()
    rows: list[Row] = []
    ours: list[Judged] = []
    chosen: dict[str, Fit] = {}
    peers: dict[str, list[Judged]] = {}
    for number in range(seed, seed + (1 if quick else SEEDS)):
        blend, singles = _blend(split, recipe, number)
        ours.append(blend)
        if number == seed:
            nets = [name for name, kind in NEURAL.items() if not (quick or kind.tasks or name in singles)]
            singles |= {name: _net(name, split, number) for name in nets}
            for name, judged in (singles | {"blend": blend}).items():
                rows += _figures("shortlist", f"{target}, {name}", judged, split)
            for name, fits in PEERS.items():
                chosen[name], first = _best(fits, split, number)
                peers[name] = [first]
        else:
            for name, fit in chosen.items():
                peers[name].append(fit(split, number))
    for name, found in peers.items():
        rows += _figures(name, target, found[0], split)
    best = min(peers, key=lambda name: np.mean([_loss(one.later, split.later) for one in peers[name]]))
    for name, found in peers.items():
        note = " (the better one on 2 May)" if name == best else ""
        rows += _differences(f"{target}, blend less {name}{note}", ours, found, split.test)
    return rows


def _blend(split: Split, recipe: BlendRecipe, seed: int) -> tuple[Judged, dict[str, Judged]]:
    """The blend, and one of its forests and its nets by name."""
    n, began = len(split.learn.user), time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        fitted = fit_blend(split.learn.rows, later=split.later.rows, recipe=recipe, seed=seed, folder=Path(scratch))
    took = time.perf_counter() - began
    members = list(fitted.members.values())
    singles = {"boosted trees": Judged.of(split, _asked(members[0].member), n / members[0].seconds)}
    for name, one in zip(recipe.nets, members[recipe.forests :: recipe.repeats], strict=True):
        singles[name] = Judged.of(split, _asked(one.member), n * len(one.curve.validation) / one.seconds)
    return Judged.of(split, _asked(fitted.blend), n / took), singles


def _net(name: str, split: Split, seed: int) -> Judged:
    recipe = LINEAR if name == "LR" else BlendRecipe().classifier
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "net.onnx"
        one = fit_neural(NEURAL[name], split.learn.rows, later=split.later.rows, recipe=recipe, seed=seed, path=path)
    n = len(split.learn.user) * len(one.curve.validation)
    return Judged.of(split, _asked(one.member), n / one.seconds)


def _asked(member: Member) -> Callable[[Window], Array]:
    return lambda window: member.logits(window.rows.inputs)


Fit = Callable[[Split, int], Judged]


def _best(fits: Sequence[Fit], split: Split, seed: int) -> tuple[Fit, Judged]:
    """The setting that 2 May likes best, and what it said."""
    said = [fit(split, seed) for fit in fits]
    best = min(range(len(fits)), key=lambda k: _loss(said[k].later, split.later))
    return fits[best], said[best]


def _lightgbm(**more: float) -> Fit:
    def fit(split: Split, seed: int) -> Judged:
        import lightgbm

        settings = {"objective": "binary", "learning_rate": 0.05, "seed": seed, "num_threads": 1, "verbose": -1} | more
        numbers, ids = _matrices(split.learn)
        categories = list(range(numbers.shape[1], numbers.shape[1] + ids.shape[1]))
        began = time.perf_counter()
        x = lightgbm.Dataset(np.hstack([numbers, ids]), split.learn.rows.label, categorical_feature=categories)
        later = lightgbm.Dataset(np.hstack(_matrices(split.later)), split.later.rows.label, reference=x)
        stop = lightgbm.early_stopping(30, verbose=False)
        model = lightgbm.train(settings, x, 500, valid_sets=[later], callbacks=[stop])
        took = time.perf_counter() - began
        return Judged.of(
            split, lambda part: np.asarray(model.predict(np.hstack(_matrices(part)), raw_score=True)), len(ids) / took
        )

    return fit


def _catboost(*, codes: bool) -> Fit:
    def fit(split: Split, seed: int) -> Judged:
        from catboost import CatBoostClassifier, FeaturesData, Pool

        def pool(window: Window) -> Pool:
            numbers, ids = _matrices(window, codes=codes)
            return Pool(FeaturesData(numbers, ids.astype(np.int64).astype(bytes).astype(object)), window.rows.label)

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
    "CatBoost": (_catboost(codes=False), _catboost(codes=True)),
}
"""Two settings each. Of LightGBM the defaults, and the regularisation that the blend's trees have; of CatBoost the
users' codes as numbers, and as categories too."""


def _matrices(window: Window, *, codes: bool = False) -> tuple[Float32, Float32]:
    """The numbers that our trees read, and the categories of up to ``SMALL`` ids."""
    sizes, inputs = window.rows.sizes, window.rows.inputs
    numbers = gbdt_matrix(sizes, inputs)[:, : sizes.request_dense + sizes.candidate_dense]
    request, candidate = (np.array(one) <= SMALL for one in (sizes.request_ids, sizes.candidate_ids))
    ids = [inputs["request_ids"][inputs["request_index"]][:, request], inputs["candidate_ids"][:, candidate]]
    if codes:
        ids.insert(1, window.codes)
    return np.ascontiguousarray(numbers), np.hstack(ids).astype(np.float32)


def _loss(logit: Float64, window: Window) -> float:
    return float(np.mean(log_losses(expit(logit), window.label)))


def _figures(who: str, what: str, judged: Judged, split: Split) -> list[Row]:
    label, user, p = split.test.label, split.test.user, expit(judged.test)
    order = np.argsort(user, kind="stable")
    _, first, n = np.unique(user[order], return_index=True, return_counts=True)
    within = grouped_auc(p[order], label[order], np.append(first, len(order)))
    held = ~np.isnan(within)
    loss = clustered_interval(log_losses(p, label), user, rng=0)
    calibrated = PlattCalibrator.fit(expit(judged.later), split.later.label).calibrate(p)
    error = debiased_calibration_interval(calibrated, label, user, rng=0)
    return [
        Row(who, f"{what}: AUC", auc(p, label), ""),
        Row(who, f"{what}: log-loss", loss.estimate, "", loss.low, loss.high),
        Row(who, f"{what}: calibration error, debiased, after Platt", error.estimate, "", error.low, error.high),
        Row(who, f"{what}: AUC within users", float(np.average(within[held], weights=n[held])), ""),
        Row(who, f"{what}: trained", judged.rows_a_second, "rows/s"),
    ]


def _differences(what: str, ours: Sequence[Judged], theirs: Sequence[Judged], test: Window) -> list[Row]:
    """Over all seeds, one interval by user."""
    a, b = (np.stack([one.test for one in side]) for side in (ours, theirs))
    area = paired_auc_interval(a, b, test.label, test.user, rng=0)
    mine, other = (np.mean([log_losses(expit(one), test.label) for one in side], axis=0) for side in (a, b))
    loss = paired_interval(mine, other, test.user, rng=0)
    n = f"{len(ours)} seeds" if len(ours) > 1 else "one seed"
    return [
        Row("shortlist", f"{what}: AUC, {n}", area.estimate, "", area.low, area.high),
        Row("shortlist", f"{what}: log-loss, {n}", loss.estimate, "", loss.low, loss.high),
    ]
