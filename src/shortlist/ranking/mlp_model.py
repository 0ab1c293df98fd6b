"""The layers on top of the inputs that most rankers have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from shortlist.learning.draws import Dropout
from shortlist.ranking.sides_model import Sides

__all__ = ["SplitMLP", "output_layer"]


class SplitMLP(nn.Module):
    """``h ← dropout(relu(W h + b))``, layer by layer; of the first one the request's product is worked out once.

    Args:
        width: r + c, of the input.
        hidden: units of each layer, one at least.
        dropout: after each layer.
    """

    def __init__(self, width: int, hidden: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        widths = (width, *hidden)
        self.first = nn.Linear(width, widths[1])
        self.others = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths[1:]))
        self.dropout = Dropout(dropout)
        self.width = widths[-1]

    def forward(self, sides: Sides) -> Tensor:
        """Inputs of N rows to ``(N, hidden[-1])``."""
        return self.after_first(sides.linear(self.first.weight, self.first.bias))

    def after_first(self, product: Tensor) -> Tensor:
        """The same of the first layer's ``W x + b``, where x need not be laid out for it."""
        x: Tensor = self.dropout(functional.relu(product))
        for layer in self.others:
            x = self.dropout(functional.relu(layer(x)))
        return x


def output_layer(width: int, bias: float) -> nn.Linear:
    """``(N, width)`` to ``(N, 1)``, weights 0 at first.

    Before the first step every logit is ``bias``, and what little data can teach is learned beside it. With random
    weights the order of a model of few rows is mostly that of its draw.
    """
    layer = nn.Linear(width, 1)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, bias)
    return layer
