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
        """The same for x = x0, of which the request's part is multiplied once a request."""
        request, index, candidate = inputs.request, inputs.index, inputs.candidate
        if self.narrow is None:
            return torch.addcmul(x0, x0, split_linear(self.wide, request, index, candidate))
        mixed = functional.linear(
            split_linear(self.narrow, request, index, candidate), self.wide.weight, self.wide.bias
        )
        return torch.addcmul(x0, x0, mixed)


class DCNv2(nn.Module):
    """Deep & Cross Network V2, parallel structure.

        logit = w · [cross_L(x0), mlp(x0)] + b,    x0 = all numbers and fields of a row, side by side

    Args:
        inputs: of any width.
        cross_layers: L, one at least.
        rank: of the cross layers; None for full rank.
        hidden: units of the deep part's layers.
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
        self.first = CrossLayer(width, rank)
        self.cross = nn.ModuleList(CrossLayer(width, rank) for _ in range(cross_layers - 1))
        self.deep = SplitMLP(width, hidden, dropout)
        self.output = output_layer(width + self.deep.width, bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        inputs = self.inputs(*arguments)
        x0 = inputs.flat
        x = self.first.of_inputs(x0, inputs)
        for layer in self.cross:
            x = layer(x0, x)
        deep = self.deep(inputs.request, inputs.index, inputs.candidate)
        logit: Tensor = self.output(torch.cat([x, deep], dim=1)).squeeze(1)
        return logit
