"""Weighted sums and means of embeddings against torch's own, whose backward passes sort."""

import torch
from torch.nn import functional

from shortlist.learning.weighted_bag import embedding_mean, weighted_bag


def test_sums_and_all_gradients_equal_embedding_bags():
    generator = torch.Generator().manual_seed(0)
    row = torch.randint(0, 30, (50, 7), generator=generator)
    table = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    weight = torch.rand(50, 7, generator=generator, dtype=torch.float64) * (row > 0)
    ours = [part.clone().requires_grad_() for part in (table, weight)]
    theirs = [part.clone().requires_grad_() for part in (table, weight)]
    bag = weighted_bag(row, *ours)
    expected = functional.embedding_bag(row, theirs[0], per_sample_weights=theirs[1], mode="sum")
    torch.testing.assert_close(bag, expected)
    (bag**2).sum().backward()
    (expected**2).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)
    assert not ours[0].grad[0].any()


def test_means_and_gradients_equal_embedding_bags():
    generator = torch.Generator().manual_seed(0)
    token = torch.randint(0, 30, (50, 7), generator=generator).sort(dim=1, descending=True).values
    token[3] = 0
    table = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    ours, theirs = table.clone().requires_grad_(), table.clone().requires_grad_()
    mean = embedding_mean(token, ours)
    bag = functional.embedding_bag(token, theirs, mode="mean", padding_idx=0)
    torch.testing.assert_close(mean, bag)
    (mean**2).sum().backward()
    (bag**2).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert not ours.grad[0].any()
    assert not mean[3].any()
