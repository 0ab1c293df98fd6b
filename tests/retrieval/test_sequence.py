"""The sequence encoder: NumPy equals torch, nothing looks ahead, order counts, sampled equals exact."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from shortlist.core.arrays import Ragged
from shortlist.core.request import Request, RequestBatch
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.features.catalogue import Catalogue
from shortlist.learning.sequence import SequenceRecipe, _exported, train_sequence
from shortlist.learning.sequence_model import SequenceModel
from shortlist.retrieval.fit import fit_sequence

N = 12
RECIPE = SequenceRecipe(width=16, hidden=24, history=6, epochs=60, batch=16, learning_rate=1e-2, dropout=0.0)


@pytest.fixture(scope="module")
def catalogue():
    rows = [(i, str(i), f"t{i}", "", [], "", None, None) for i in range(1, N + 1)]
    return Catalogue(pl.DataFrame(rows, schema=ITEMS, orient="row"))


@pytest.fixture(scope="module")
def circular():
    """Whoever liked item i likes i + 1 next, round a circle; users start anywhere."""
    rows = [(user, (user + step) % N + 1, 1_000 * user + step, 5.0, True) for user in range(60) for step in range(8)]
    return pl.DataFrame(rows, schema=INTERACTIONS, orient="row").sort("at_us")


def model():
    torch.manual_seed(3)
    built = SequenceModel(N + 1, width=16, hidden=24, history=6, dropout=0.3).eval()
    for parameter in built.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    built.item.weight.data[0] = 0.0
    return built


@pytest.mark.oracle
def test_the_served_encoder_equals_the_trained_one():
    built = model()
    histories = [[3], [1, 2, 3, 4, 5, 6], [7, 7, 2], [9, 8, 7, 6, 5, 4, 3, 2, 1]]
    served = _exported(built).user_vectors(Ragged.from_lists([*histories, []]))
    with torch.no_grad():
        for vector, liked in zip(served, histories, strict=False):
            read = liked[-6:]
            expected = built(torch.tensor([read]))[0, -1].numpy()
            np.testing.assert_allclose(vector[:-1], expected, rtol=1e-4, atol=1e-5)
            assert vector[-1] == 1.0
    assert not served[-1].any()


def test_nothing_looks_ahead():
    built = model()
    with torch.no_grad():
        one, other = built(torch.tensor([[1, 2, 3, 4], [1, 2, 9, 9]]))
    np.testing.assert_allclose(one[:2], other[:2], atol=1e-6)
    assert not np.allclose(one[2:], other[2:], atol=1e-3)


@pytest.mark.oracle
def test_the_loss_over_all_items_is_the_cross_entropy():
    built = model()
    window = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
    with torch.no_grad():
        loss = float(built.loss(window, torch.arange(1, N + 1)))
        logit = built(window[:, :-1]) @ built.item.weight[1:].T + built.bias[1:]
    places = [(0, 0, 2), (0, 1, 3), (0, 2, 4), (1, 0, 6)]
    expected = [float(torch.logsumexp(logit[b, t], 0) - logit[b, t, target - 1]) for b, t, target in places]
    assert loss == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.statistical
def test_drawn_negatives_estimate_the_denominator():
    """Mean of e^loss over 4,000 draws of 6 of 12 within 2% of the exact one, eight standard errors: no false alarm."""
    built, window = model(), torch.tensor([[1, 2]])
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        exact = float(built.loss(window, torch.arange(1, N + 1)).exp())
        draws = [float(built.loss(window, 1 + torch.randperm(N, generator=generator)[:6]).exp()) for _ in range(4_000)]
    assert np.mean(draws) == pytest.approx(exact, rel=0.02 + 8 * np.std(draws) / np.sqrt(len(draws)) / exact)
    assert np.std(draws) > 0


def test_it_learns_what_follows(catalogue, circular):
    source = fit_sequence(circular, catalogue, recipe=RECIPE)
    history = Ragged.from_lists([[1, 2, 3], [3, 2, 1], [6, 7, 8], [10, 11, 12]])
    requests = (Request(f"r{n}", k=3, at_us=0, user=n) for n in range(len(history)))
    batch = RequestBatch.of(*requests).with_history(history, Ragged.from_lists([[], [], [], []]))
    found = source.retrieve(batch)
    first = found.item[found.request_offsets[:-1]].tolist()
    assert [first[0], first[2], first[3]] == [4, 9, 1]
    assert first[1] == 2  # the same likes in another order


def test_drawn_negatives_train_as_well(catalogue, circular):
    recipe = SequenceRecipe(
        width=16, hidden=24, history=6, epochs=60, batch=16, learning_rate=1e-2, dropout=0.0, negatives=6
    )
    encoder = train_sequence(circular, catalogue, recipe=recipe)
    user = encoder.user_vectors(Ragged.from_lists([[5, 6, 7]]))
    assert int((user @ encoder.item_vectors[1:].T).argmax()) + 1 == 8


def test_users_who_liked_one_thing_teach_nothing(catalogue):
    rows = [(user, user % N + 1, user, 5.0, True) for user in range(20)]
    encoder = train_sequence(pl.DataFrame(rows, schema=INTERACTIONS, orient="row"), catalogue, recipe=RECIPE)
    assert np.isfinite(encoder.user_vectors(Ragged.from_lists([[1, 2]]))).all()
