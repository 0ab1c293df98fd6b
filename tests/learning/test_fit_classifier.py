"""The training loop: learns what is there, keeps the best pass, resumes to the same bits, counts weights."""

import numpy as np
import pytest
import torch
from torch import nn

from shortlist.core.errors import DataError
from shortlist.learning.draws import Dropout
from shortlist.learning.embedding_tables import EmbeddingTables
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.learning.training_rows import ArrayRows


def data(n, seed, noise=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    chance = np.full(n, 0.5) if noise else 1 / (1 + np.exp(-(2 * x[:, 0] - x[:, 1])))
    return ArrayRows((x,), (rng.random(n) < chance).astype(np.float32))


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))


def fit(model, rows, validation, **recipe):
    recipe = {"batch": 256, "learning_rate": 0.02, "weight_decay": 0.0} | recipe
    folder = recipe.pop("folder", None)
    return fit_classifier(model, rows, validation=validation, recipe=ClassifierRecipe(**recipe), seed=1, folder=folder)


class Tabled(nn.Module):
    """A table, a hidden layer with dropout, and ids that are forgotten: everything that draws."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.tables = EmbeddingTables([9, 7], 4, forget=0.05)
        self.deep = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), Dropout(0.2), nn.Linear(16, 1), nn.Flatten(0))

    def forward(self, ids):
        return self.deep(self.tables(ids).flatten(1))


def tabled_data(n=700, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.column_stack([rng.integers(1, 9, n), rng.integers(1, 7, n)])
    return ArrayRows((ids,), ((ids[:, 0] % 2) ^ (rng.random(n) < 0.1)).astype(np.float32))


def bits(model):
    return [value.numpy().tobytes() for value in model.state_dict().values()]


def test_finds_the_planted_weights():
    model = linear()
    fit(model, data(20_000, 0), data(5_000, 1), epochs=6)
    weight = model[0].weight.detach().numpy()[0]
    np.testing.assert_allclose(weight, [2.0, -1.0, 0.0], atol=0.15)


def test_keeps_the_weights_of_the_best_pass():
    model = nn.Sequential(nn.Linear(3, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
    validation = data(2_000, 1)
    fitted = fit(model, data(300, 0, noise=True), validation, epochs=12, patience=3)
    held = validation.gather(np.arange(2_000))
    loss = nn.functional.binary_cross_entropy_with_logits(model(*held.arguments), held.label)
    assert abs(loss.item() - min(fitted.losses)) < 1e-6
    assert len(fitted.losses) < 12  # noise cannot be learned, so it stopped
    assert fitted.curve.overfit


def test_a_step_is_one_of_plain_torch_whatever_the_chunks():
    """One pass of one batch: AdamW on the gradient of the weighted mean, by hand."""
    rows = data(500, 0)
    rows = ArrayRows(rows.arrays, rows.label, np.linspace(0.1, 2.0, 500, dtype=np.float32))
    ours, plain = linear(), linear()
    fit(ours, rows, data(50, 1), epochs=1, batch=500, chunk=64)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.02, weight_decay=0.0)
    held = rows.gather(np.arange(500))
    loss = nn.functional.binary_cross_entropy_with_logits(plain(*held.arguments), held.label, weight=held.weight)
    (loss * 500 / held.weight.sum()).backward()
    optimizer.step()
    torch.testing.assert_close(ours[0].weight, plain[0].weight, atol=1e-6, rtol=0)


def test_a_row_of_weight_two_is_two_rows_and_one_of_weight_zero_none():
    rows = data(400, 0)
    weight = np.tile(np.array([0, 1, 2, 1], np.float32), 100)
    weighted = ArrayRows(rows.arrays, rows.label, weight)
    again = np.repeat(np.arange(400), weight.astype(int))
    repeated = ArrayRows((rows.arrays[0][again],), rows.label[again])
    first, second = linear(), linear()
    fit(first, weighted, data(50, 1), epochs=1, batch=400)
    fit(second, repeated, data(50, 1), epochs=1, batch=400)
    torch.testing.assert_close(first[0].weight, second[0].weight, atol=1e-6, rtol=0)


def test_same_seed_same_weights_and_the_global_state_is_left_alone():
    before = torch.random.get_rng_state()
    first, second = Tabled(), Tabled()
    torch.random.set_rng_state(before)
    for model in (first, second):
        fit(model, tabled_data(), tabled_data(100, 1), epochs=2)
    assert bits(first) == bits(second)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_bits_do_not_depend_on_the_number_of_threads():
    one, three = Tabled(), Tabled()
    fit(one, tabled_data(), tabled_data(100, 1), epochs=2, chunk=50)
    fit(three, tabled_data(), tabled_data(100, 1), epochs=2, chunk=50, threads=3)
    assert bits(one) == bits(three)


class Interrupted(ArrayRows):
    """Fails at the n-th chunk, as a machine might."""

    left = 0

    def gather(self, chosen):
        Interrupted.left -= 1
        if Interrupted.left == 0:
            raise KeyboardInterrupt
        return super().gather(chosen)


@pytest.mark.parametrize("at", [1, 5, 9, 17])
def test_a_run_that_is_taken_up_again_ends_with_the_same_bits(tmp_path, at):
    """Interrupted at the start, in mid-pass, and after the first pass, whose best weights are then in the checkpoint."""
    whole = Tabled()
    expected = fit(whole, tabled_data(), tabled_data(100, 1), epochs=4, batch=100, every=2)
    broken = tabled_data()
    Interrupted.left = at
    rows = Interrupted(broken.arrays, broken.label)
    with pytest.raises(KeyboardInterrupt):
        fit(Tabled(), rows, tabled_data(100, 1), epochs=4, batch=100, every=2, folder=tmp_path)
    again = Tabled()
    taken_up = fit(again, rows, tabled_data(100, 1), epochs=4, batch=100, every=2, folder=tmp_path)
    assert bits(again) == bits(whole)
    assert taken_up.curve.validation == expected.curve.validation
    np.testing.assert_allclose(taken_up.curve.training, expected.curve.training, rtol=1e-12)
    assert taken_up.steps < expected.steps or at == 1


def test_a_checkpoint_of_other_rows_is_refused(tmp_path):
    fit(Tabled(), tabled_data(), tabled_data(100, 1), epochs=1, folder=tmp_path)
    with pytest.raises(DataError, match="another recipe, seed or table"):
        fit(Tabled(), tabled_data(seed=3), tabled_data(100, 1), epochs=1, folder=tmp_path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_stops_the_training(bad):
    rows = data(300, 0)
    rows.arrays[0][7, 1] = bad
    with pytest.raises(DataError, match="pass 1, step"):
        fit(linear(), rows, data(50, 1), epochs=1)
