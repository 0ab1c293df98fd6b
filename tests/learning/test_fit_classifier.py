"""The training loop: learns what is there, keeps the best pass, repeats itself."""

import numpy as np
import torch
from torch import nn

from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier


def data(n, seed, noise=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    chance = np.full(n, 0.5) if noise else 1 / (1 + np.exp(-(2 * x[:, 0] - x[:, 1])))
    return torch.from_numpy(x), torch.from_numpy((rng.random(n) < chance).astype(np.float32))


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))


def fit(model, x, y, validation, **recipe):
    return fit_classifier(
        model,
        lambda rows: (x[rows],),
        y,
        validation=((validation[0],), validation[1]),
        recipe=ClassifierRecipe(batch=256, learning_rate=0.02, weight_decay=0.0, **recipe),
        seed=1,
    )


def test_finds_the_planted_weights():
    model = linear()
    x, y = data(20_000, 0)
    fit(model, x, y, data(5_000, 1), epochs=6)
    weight = model[0].weight.detach().numpy()[0]
    np.testing.assert_allclose(weight, [2.0, -1.0, 0.0], atol=0.15)


def test_keeps_the_weights_of_the_best_pass():
    model = nn.Sequential(nn.Linear(3, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
    validation = data(2_000, 1)
    fitted = fit(model, *data(300, 0, noise=True), validation, epochs=12, patience=3)
    loss = nn.functional.binary_cross_entropy_with_logits(model(validation[0]), validation[1])
    assert abs(loss.item() - min(fitted.losses)) < 1e-6
    assert len(fitted.losses) < 12  # noise cannot be learned, so it stopped


def test_same_seed_same_weights_and_the_global_state_is_left_alone():
    before = torch.random.get_rng_state()
    x, y = data(1_000, 0)
    first, second = linear(), linear()
    torch.random.set_rng_state(before)
    for model in (first, second):
        fit(model, x, y, data(500, 1), epochs=2)
    assert torch.equal(first[0].weight, second[0].weight)
    assert torch.equal(torch.random.get_rng_state(), before)
