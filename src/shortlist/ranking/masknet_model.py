"""MaskNet: each row's inputs decide which coordinates of a layer count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.ranking.input_layer_model import InputLayer, Inputs
from shortlist.ranking.mlp_model import SplitMLP, output_layer
from shortlist.ranking.sides_model import Sides

__all__ = ["MaskBlock", "MaskNet"]


class MaskBlock(nn.Module):
    """An instance-guided mask before a layer (Wang, She & Zhang, "MaskNet", DLP-KDD 2021, eq. 3 to 7).

        mask = M (relu(A v + a)) + m,    block = relu(LayerNorm(W (mask ⊙ x)))

    v are the row's inputs as they are, x the inputs after a layer norm of each embedding.

    Args:
        width: of v and x.
        aggregated: rows of A: the paper's reduction ratio times the width.
        units: rows of W.
    """

    def __init__(self, width: int, aggregated: int, units: int) -> None:
        super().__init__()
        self.aggregate = nn.Linear(width, aggregated)
        self.project = nn.Linear(aggregated, width)
        self.layer = nn.Linear(width, units, bias=False)
        self.norm = nn.LayerNorm(units)

    def forward(self, v: Sides, x: Sides) -> Tensor:
        """Of N rows, to ``(N, units)``; A's product with a request is worked out once."""
        aggregated = functional.relu(v.linear(self.aggregate.weight, self.aggregate.bias))
        masked = x.scaled_linear(self.layer.weight, self.project.weight, self.project.bias, aggregated)
        return functional.relu(self.norm(masked))


class MaskNet(nn.Module):
    """The parallel MaskNet: several blocks beside each other over the same inputs, and a multilayer perceptron on top.

        logit = w · mlp([block_1(v, x), ..., block_B(v, x)]) + b,    x = [numbers, LayerNorm(each field)]

    Args:
        inputs: of width d.
        blocks: B.
        units: of a block.
        reduction: aggregated units over the width of the inputs.
        hidden: units of the layers on top.
        dropout: in them.
        bias: the first value of b.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        blocks: int = 3,
        units: int = 32,
        reduction: float = 1.0,
        hidden: Sequence[int] = (64, 32),
        dropout: float = 0.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        width = inputs.request_width + inputs.candidate_width
        self.norm = nn.LayerNorm(inputs.width) if inputs.n_fields else nn.Identity()
        self.blocks = nn.ModuleList(MaskBlock(width, max(1, round(reduction * width)), units) for _ in range(blocks))
        self.top = SplitMLP(blocks * units, hidden, dropout)
        self.output = output_layer(self.top.width, bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        inputs = self.inputs(*arguments)
        normed = Inputs(
            inputs.request_dense,
            self.norm(inputs.request_fields),
            inputs.index,
            inputs.candidate_dense,
            self.norm(inputs.candidate_fields),
            (),
        )
        v, x = inputs.sides, normed.sides
        blocks = torch.cat([block(v, x) for block in self.blocks], dim=1)
        logit: Tensor = self.output(self.top(Sides.whole(blocks))).squeeze(1)
        return logit
