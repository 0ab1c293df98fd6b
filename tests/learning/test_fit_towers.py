"""The training loop: resumed runs are the same to the bit, stopping keeps the best pass, files map, samplers fit in."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import load_file

from shortlist.core.errors import DataError
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.learning.early_stopping import EarlyStopping
from shortlist.learning.fit_towers import TwoTowerRecipe, fit_towers, item_vectors
from shortlist.learning.negatives.hard import HardNegatives
from shortlist.learning.negatives.uniform import UniformNegatives
from shortlist.learning.one_thread import one_thread
from shortlist.learning.tower_examples import TowerExamples
from shortlist.learning.two_tower import mixed_negatives, train_two_tower
from shortlist.learning.two_tower_model import TwoTowerModel

V = 40
RECIPE = TwoTowerRecipe(width=8, hidden=8, history=6, epochs=3, batch=32, every=4, validation=0.1)


@pytest.fixture(scope="module")
def catalogue():
    n = range(1, V + 1)
    return Catalogue(
        pl.DataFrame(
            {
                "item": n,
                "external_id": [str(i) for i in n],
                "title": [f"item{i}" for i in n],
                "description": [""] * V,
                "categories": [["even" if i % 2 == 0 else "odd"] for i in n],
                "brand": [""] * V,
                "price_micros": [None] * V,
                "released_us": [0] * V,
            },
            schema=ITEMS,
        )
    )


@pytest.fixture(scope="module")
def interactions():
    """Sixty users who like either even or odd items."""
    rng, rows = np.random.default_rng(0), []
    for user in range(60):
        for n, item in enumerate(rng.permutation(np.arange(1 + user % 2, V + 1, 2))[:9]):
            rows.append((user, int(item), n * 1_000 + user, 5.0, True))
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row")


class Exact:
    def __init__(self, vectors):
        self.vectors = vectors

    def search(self, queries, k):
        score = queries @ self.vectors.T
        score[:, 0] = -np.inf
        return score, np.argsort(-score, axis=1)[:, :k]


def hard(count):
    return HardNegatives(len(count), Exact, hard=4, uniform=8, nearest=10)


class Interrupted(Exception):
    pass


def interrupt_at(steps):
    def told(what, done, total):
        if done >= steps:
            raise Interrupted

    return told


@pytest.mark.parametrize("negatives", [mixed_negatives, hard], ids=lambda f: f.__name__)
@pytest.mark.parametrize("steps", [3, 10, 17, 31])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(catalogue, interactions, tmp_path, negatives, steps):
    arguments = {"recipe": RECIPE, "negatives": negatives, "seed": 5}
    whole = train_two_tower(interactions, catalogue, **arguments)
    with pytest.raises(Interrupted):
        train_two_tower(interactions, catalogue, **arguments, folder=tmp_path, progress=interrupt_at(steps))
    told = []
    resumed = train_two_tower(
        interactions, catalogue, **arguments, folder=tmp_path, progress=lambda _, done, __: told.append(done)
    )
    for name in whole.__slots__:
        assert getattr(whole, name).tobytes() == getattr(resumed, name).tobytes(), name
    if steps > 4:
        assert told[0] > 1  # it did not start again
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".json", ".safetensors"}
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_a_finished_run_is_not_trained_again(catalogue, interactions, tmp_path):
    first = train_two_tower(interactions, catalogue, recipe=RECIPE, folder=tmp_path)
    told = []
    again = train_two_tower(
        interactions, catalogue, recipe=RECIPE, folder=tmp_path, progress=lambda *step: told.append(step)
    )
    assert told == []
    assert first.item_vectors.tobytes() == again.item_vectors.tobytes()


def test_a_checkpoint_of_another_run_or_a_torn_one_is_refused(catalogue, interactions, tmp_path):
    train_two_tower(interactions, catalogue, recipe=RECIPE, folder=tmp_path)
    for change in ({"seed": 1}, {"recipe": msgspec.structs.replace(RECIPE, temperature=0.3)}, {"negatives": hard}):
        with pytest.raises(DataError, match="another recipe, seed or table"):
            train_two_tower(interactions, catalogue, **{"recipe": RECIPE, "folder": tmp_path, **change})
    place = json.loads((tmp_path / "checkpoint.json").read_text())
    (tmp_path / place["tensors"]).write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be read"):
        train_two_tower(interactions, catalogue, recipe=RECIPE, folder=tmp_path)


def test_a_checkpoint_holds_the_optimizers(catalogue, interactions, tmp_path):
    train_two_tower(interactions, catalogue, recipe=RECIPE, folder=tmp_path)
    held = load_file(next(tmp_path.glob("*.safetensors")))
    assert held["optimizer.rowwise_adagrad.0.sum"].shape == (V + 1,)
    assert "optimizer.adamw.0.exp_avg" in held
    assert held["model.item.weight"].shape == (V + 1, 8)


def test_the_towers_learn_who_likes_what(catalogue, interactions):
    recipe = msgspec.structs.replace(RECIPE, epochs=12, validation=0.0)
    towers = train_two_tower(interactions, catalogue, recipe=recipe)
    even, odd = towers.item_vectors[2::2], towers.item_vectors[1::2]
    assert (even @ even.T).mean() > 0.3 + (even @ odd.T).mean()
    assert not towers.item_vectors[0].any()


def built(catalogue):
    torch.manual_seed(0)
    return TwoTowerModel(V + 1, 8, torch.zeros(V + 1, 1, dtype=torch.int64), width=8, hidden=8, history=6)


def test_early_stopping_keeps_the_best_pass(catalogue, interactions):
    """Positives that are drawn by chance cannot be learned: it stops, and gives back the best of what it saw."""
    rng = np.random.default_rng(1)
    noise = TowerExamples(rng.integers(1, V + 1, 800).astype(np.int32), np.zeros(780, np.int64), np.arange(20, 800))
    train, validation = noise.part(np.arange(600)), noise.part(np.arange(600, 780))
    recipe = msgspec.structs.replace(RECIPE, epochs=30, patience=2, embedding_rate=0.5)
    with one_thread():
        model = built(catalogue)
        fitted = fit_towers(model, train, UniformNegatives(V + 1, 20), recipe=recipe, seed=0, validation=validation)
    assert len(fitted.recalls) < 30
    best = int(np.argmax(fitted.recalls))
    assert best == len(fitted.recalls) - 1 - recipe.patience
    passes = msgspec.structs.replace(recipe, steps_at_most=10**9)
    with one_thread():
        again = built(catalogue)
        short = fit_towers(again, train, UniformNegatives(V + 1, 20), recipe=passes, seed=0, validation=validation)
    assert short == fitted
    assert torch.equal(item_vectors(model), item_vectors(again))


def test_stopping_counts_from_the_best():
    stopping = EarlyStopping(patience=1, seen=[0.2, 0.5])
    assert not stopping.over
    assert not stopping.better(0.5)
    assert stopping.over
    assert stopping.best == 1


def test_mapped_examples_are_the_same_and_stay_on_disk(catalogue, interactions, tmp_path):
    held = TowerExamples.of(interactions, catalogue)
    held.save(tmp_path)
    mapped = TowerExamples.mapped(tmp_path)
    assert isinstance(mapped.liked, np.memmap)
    assert mapped.fingerprint() == held.fingerprint()
    chosen = np.random.default_rng(0).permutation(len(held))[:50]
    for ours, theirs in zip(mapped.batch(chosen, 6), held.batch(chosen, 6), strict=True):
        assert (ours == theirs).all()
    (tmp_path / "at.npy").unlink()
    with pytest.raises(DataError, match="examples cannot be read"):
        TowerExamples.mapped(tmp_path)


def test_examples_are_each_like_after_the_first_with_those_before_it(catalogue):
    table = pl.DataFrame(
        [
            (1, 5, 30, 5.0, True),
            (1, 6, 10, 5.0, True),
            (1, 7, 20, 1.0, False),
            (2, 8, 5, 5.0, True),
            (1, 9, 40, 4.0, True),
        ],
        schema=INTERACTIONS,
        orient="row",
    )
    examples = TowerExamples.of(table, catalogue)
    history, positive = examples.batch(np.arange(2), 3)
    assert (history.tolist(), positive.tolist()) == ([[6, 0, 0], [5, 6, 0]], [5, 9])
    late = TowerExamples.of(table, catalogue, since_us=35)
    assert [part.tolist() for part in late.batch(np.array([0]), 3)] == [[[5, 6, 0]], [9]]
    assert examples.counts(11).tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0]
