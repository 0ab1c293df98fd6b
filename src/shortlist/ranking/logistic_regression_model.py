"""Logistic regression over numbers and hashed ids: the baseline that every other model has to beat."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.sides_model import of_rows

__all__ = ["LogisticRegression"]


class LogisticRegression(nn.Module):
    """One weight a number and one an id (McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013).

        logit = b + w · x + sum over categorical features f of w_f[id_f] + sum over lists l of mean of w_l[its ids]

    Args:
        inputs: of width 1; its tables are the ids' weights.
        bias: the first value of b, such as the log odds of the rows' share of positives.
    """

    def __init__(self, inputs: InputLayer, *, bias: float = 0.0) -> None:
        super().__init__()
        if inputs.width != 1:
            raise ValueError(f"an id has one weight, not {inputs.width}")
        self.inputs = inputs
        self.weight = nn.Parameter(torch.zeros(inputs.n_dense))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        x = self.inputs(*arguments)
        r = x.request_dense.shape[1]
        of_candidate = x.candidate_dense @ self.weight[r:] + x.candidate_fields.sum(dim=(1, 2))
        total: Tensor = self.bias + of_candidate
        if not self.inputs.request_width:
            return total
        of_request = x.request_dense @ self.weight[:r] + x.request_fields.sum(dim=(1, 2))
        return total + of_rows(of_request, x.index)
