"""The fast mean of embeddings against torch's own."""

import torch

from shortlist.learning.embedding_mean import embedding_mean


def test_values_and_gradients_equal_embedding_bags():
    generator = torch.Generator().manual_seed(0)
    token = torch.randint(0, 30, (50, 7), generator=generator).sort(dim=1, descending=True).values
    token[3] = 0
    weight = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    ours, theirs = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    mean = embedding_mean(token, ours)
    bag = torch.nn.functional.embedding_bag(token, theirs, mode="mean", padding_idx=0)
    torch.testing.assert_close(mean, bag)
    (mean**2).sum().backward()
    (bag**2).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert not ours.grad[0].any()
    assert not mean[3].any()
