"""The factorization machine: logistic regression and all products of two inputs, in time linear in the inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.sides_model import of_rows

__all__ = ["FactorizationMachine"]


class FactorizationMachine(nn.Module):
    """Each input i has a weight w_i and a vector v_i (Rendle, "Factorization machines", ICDM 2010, lemma 3.1).

        logit = b + sum over i of w_i x_i + sum over i < j of (v_i · v_j) x_i x_j
        sum over i < j of (v_i · v_j) x_i x_j = ½ sum over coordinates of [ (sum of v_i x_i)² - sum of (v_i x_i)² ]

    An id has x = 1; a list is one input, whose w and v are the means of its ids'. Both sums are worked out once a
    request for the request's inputs.

    Args:
        inputs: of width 1 + d: an id's w and v.
        bias: the first value of b.
    """

    def __init__(self, inputs: InputLayer, *, bias: float = 0.0) -> None:
        super().__init__()
        self.inputs = inputs
        self.dense = nn.Parameter(0.01 * torch.randn(inputs.n_dense, inputs.width))
        with torch.no_grad():
            self.dense[:, 0] = 0.0
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        x = self.inputs(*arguments)
        r = x.request_dense.shape[1]
        total, squares = _sums(x.candidate_dense, self.dense[r:], x.candidate_fields)
        if self.inputs.request_width:
            of_request = _sums(x.request_dense, self.dense[:r], x.request_fields)
            total, squares = total + of_rows(of_request[0], x.index), squares + of_rows(of_request[1], x.index)
        pairs = 0.5 * (total[:, 1:].square() - squares[:, 1:]).sum(dim=1)
        logit: Tensor = self.bias + total[:, 0] + pairs
        return logit


def _sums(dense: Tensor, vectors: Tensor, fields: Tensor) -> tuple[Tensor, Tensor]:
    """The sums of ``v_i x_i`` and of their squares over one side's inputs, ``(M, 1 + d)`` each."""
    return dense @ vectors + fields.sum(dim=1), dense.square() @ vectors.square() + fields.square().sum(dim=1)
