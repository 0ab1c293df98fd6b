"""The gradients that pages show are those of the losses that train: torch's own differentiation says the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shortlist.learning.losses.lambda_gradient import lambda_gradient
from shortlist.learning.losses.lambda_rank import lambda_rank_loss
from shortlist.learning.losses.pairwise import pairwise_logistic_loss
from shortlist.learning.losses.plain_gradients import cross_entropy_gradient, pairwise_logistic_gradient
from shortlist.learning.losses.pointwise import binary_cross_entropy_loss

PAIRS = {
    "cross-entropy": (cross_entropy_gradient, binary_cross_entropy_loss),
    "logistic": (pairwise_logistic_gradient, pairwise_logistic_loss),
    "lambdarank": (lambda score, label: lambda_gradient(score, label).gradient, lambda_rank_loss),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("labels", [[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1]])
def test_each_is_the_derivative_of_its_loss(name, labels):
    plain, loss = PAIRS[name]
    for seed in range(20):
        score = np.random.default_rng(seed).normal(scale=3.0, size=5)
        given = torch.tensor(score, requires_grad=True)
        loss(given, torch.tensor(labels, dtype=torch.float64)).backward()
        np.testing.assert_allclose(plain(score, np.array(labels)), given.grad.numpy(), atol=1e-12)


def test_a_constant_on_all_scores_is_seen_by_cross_entropy_alone():
    """An order has no level: pairs and lists cannot tell log odds from log odds plus three."""
    score, label = np.array([1.0, -0.5, 0.2]), np.array([0, 1, 0])
    for name, (plain, _) in PAIRS.items():
        moved = np.abs(plain(score + 3.0, label) - plain(score, label)).max()
        assert (moved > 0.05) == (name == "cross-entropy")
        assert (abs(plain(score, label).sum()) < 1e-12) == (name != "cross-entropy")
