"""DCN-v2: layers that cross all inputs with all others, beside a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.ranking.input_layer_model import InputLayer, Inputs, split_linear
from shortlist.ranking.mlp_model import SplitMLP, output_layer

__all__ = ["CrossLayer", "DCNv2"]


class CrossLayer(nn.Module):
    """One explicit crossing of all inputs with all others (Wang et al., "DCN V2", WWW 2021, eq. 1 and 2).

        full rank:  x' = x0 ⊙ (W x + b) + x            low rank:  x' = x0 ⊙ (U (V x) + b) + x

    Args:
        width: of x.
        rank: of U V; None for full rank.
    """

    def __init__(self, width: int, rank: int | None = None) -> None:
        super().__init__()
        self.narrow = None if rank is None else nn.Linear(width, rank, bias=False)
        self.wide = nn.Linear(rank or width, width)

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        """``x0`` and ``x`` are ``(N, width)``."""
        return torch.addcmul(x, x0, self.wide(x if self.narrow is None else self.narrow(x)))

    def of_inputs(self, x0: Tensor, inputs: Inputs) -> Tensor:
        """The same for x = x0, ``x0 ⊙ (W x0 + b + 1)``; the request's part of W x0 is multiplied once a request."""
        request, index, candidate = inputs.request, inputs.index, inputs.candidate
        if self.narrow is None:
            return x0 * (split_linear(self.wide, request, index, candidate) + 1.0)
        narrow = split_linear(self.narrow.weight, request, index, candidate)
        return x0 * functional.linear(narrow, self.wide.weight, self.wide.bias + 1.0)

    def weighed(self, weight: Tensor, inputs: Inputs, x: Tensor) -> Tensor:
        """``weight · x'``, ``(N,)``, without x': of the last layer nothing else is asked.

            w · x' = w · x + (w ⊙ b) · x0 + (V x) · (U' (w ⊙ x0))

        All that x0 is multiplied with is worked out once a request for the request's part.

        Args:
            weight: w, ``(width,)``.
            inputs: whose x0.
            x: ``(N, width)``.
        """
        request, index, candidate = inputs.request, inputs.index, inputs.candidate
        turned = (self.wide.weight * weight.unsqueeze(1)).T
        of_inputs = torch.cat([turned, (weight * self.wide.bias).unsqueeze(0)])
        b = split_linear(of_inputs, request, index, candidate)
        if self.narrow is None:
            return functional.linear(x, weight.unsqueeze(0)).squeeze(1) + (x * b[:, :-1]).sum(dim=1) + b[:, -1]
        a = functional.linear(x, torch.cat([self.narrow.weight, weight.unsqueeze(0)]))
        return (a[:, :-1] * b[:, :-1]).sum(dim=1) + a[:, -1] + b[:, -1]


class DCNv2(nn.Module):
    """Deep & Cross Network V2, parallel structure.

        logit = w · [cross_L(x0), mlp(x0)] + b,    x0 = all numbers and fields of a row, side by side

    Without hidden units there is no deep part, and the logit is a polynomial of degree L + 1 in x0.

    Args:
        inputs: of any width.
        cross_layers: L, one at least.
        rank: of the cross layers; None for full rank.
        hidden: units of the deep part's layers; none for the cross network alone.
        dropout: in the deep part.
        bias: the first value of b, such as the log odds of the rows' share of positives.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        cross_layers: int = 2,
        rank: int | None = 16,
        hidden: Sequence[int] = (64, 32),
        dropout: float = 0.3,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        width = inputs.request_width + inputs.candidate_width
        self.first = CrossLayer(width, rank) if cross_layers > 1 else None
        self.cross = nn.ModuleList(CrossLayer(width, rank) for _ in range(cross_layers - 2))
        self.last = CrossLayer(width, rank)
        self.deep = SplitMLP(width, hidden, dropout) if hidden else None
        self.output = output_layer(width + (self.deep.width if self.deep else 0), bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        inputs = self.inputs(*arguments)
        x0 = inputs.flat
        x = x0 if self.first is None else self.first.of_inputs(x0, inputs)
        for layer in self.cross:
            x = layer(x0, x)
        weight = self.output.weight[0]
        crossed = self.last.weighed(weight[: x0.shape[1]], inputs, x)
        if self.deep is None:
            return crossed + self.output.bias
        deep = self.deep(inputs.request, inputs.index, inputs.candidate)
        return crossed + functional.linear(deep, weight[x0.shape[1] :].unsqueeze(0), self.output.bias).squeeze(1)
