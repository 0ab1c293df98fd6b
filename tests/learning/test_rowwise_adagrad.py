"""Row-wise Adagrad against its formula written out over whole tables."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from shortlist.learning.rowwise_adagrad import RowwiseAdagrad


def train(sparse, steps=30):
    torch.manual_seed(0)
    table = nn.Embedding(20, 6, sparse=sparse)
    optimizer = RowwiseAdagrad(table.parameters(), lr=0.3)
    generator = torch.Generator().manual_seed(1)
    gradients = []
    for _ in range(steps):
        rows = torch.randint(0, 12, (9,), generator=generator)  # with repetitions; rows 12 to 19 are never met
        optimizer.zero_grad()
        (table(rows) - torch.randn(9, 6, generator=generator)).square().sum().backward()
        gradients.append(table.weight.grad.to_dense().double().numpy().copy())
        optimizer.step()
    return table.weight.detach().numpy(), gradients


def test_sparse_equals_dense_equals_the_formula_over_the_whole_table():
    sparse, gradients = train(sparse=True)
    dense, _ = train(sparse=False)
    np.testing.assert_allclose(sparse, dense, atol=1e-6)
    torch.manual_seed(0)
    weight = nn.Embedding(20, 6).weight.detach().double().numpy().copy()
    total = np.zeros(20)
    for gradient in gradients:
        total += (gradient**2).mean(axis=1)
        weight -= 0.3 * gradient / (np.sqrt(total) + 1e-8)[:, None]
    np.testing.assert_allclose(sparse, weight, atol=1e-5)


def test_rows_in_rising_order_need_no_adding_up_and_change_nothing():
    weights = []
    for rows in ([3, 5, 9], [9, 3, 5]):
        torch.manual_seed(0)
        table = nn.Embedding(12, 4, sparse=True)
        optimizer = RowwiseAdagrad(table.parameters(), lr=0.2)
        table(torch.tensor(rows)).square().sum().backward()
        optimizer.step()
        weights.append(table.weight.detach().numpy().copy())
    assert (weights[0] == weights[1]).all()


def test_rows_that_are_not_in_the_batch_are_not_touched():
    after, _ = train(sparse=True)
    torch.manual_seed(0)
    before = nn.Embedding(20, 6).weight.detach().numpy()
    assert (after[12:] == before[12:]).all()
    assert (after[:12] != before[:12]).all()


def test_with_one_column_it_is_adagrad():
    """The mean over one column is its square, so torch's own Adagrad is the oracle."""
    weights = []
    for make, sparse in ((RowwiseAdagrad, True), (torch.optim.Adagrad, False)):
        torch.manual_seed(3)
        table = nn.Embedding(8, 1, sparse=sparse)
        optimizer = make(table.parameters(), lr=0.1, eps=1e-10)
        for step in range(10):
            optimizer.zero_grad()
            (table(torch.tensor([step % 8, 2, 2])) * (step + 1.0)).sin().sum().backward()
            optimizer.step()
        weights.append(table.weight.detach().numpy().copy())
    np.testing.assert_allclose(*weights, atol=1e-6)
