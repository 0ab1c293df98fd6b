"""DCN-v2: layers that cross all inputs with all others, beside a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.mlp_model import SplitMLP, output_layer
from shortlist.ranking.sides_model import Sides, side_by_side

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
        self.narrow: nn.Linear | None = None if rank is None else nn.Linear(width, rank, bias=False)
        self.wide = nn.Linear(rank or width, width)

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        """``x0`` and ``x`` are ``(N, width)``."""
        return torch.addcmul(x, x0, self.wide(x if self.narrow is None else self.narrow(x)))

    @property
    def narrowing(self) -> Tensor:
        """V, ``(rank, width)``."""
        if self.narrow is None:
            raise AssertionError("a layer of full rank does not narrow")
        return self.narrow.weight

    def of_last(self, weight: Tensor) -> Tensor:
        """The matrix whose product with x0 is all that ``weight · x'`` asks of x0, ``(rank + 1, width)``.

            w · x' = w · x + (V x) · (U' (w ⊙ x0)) + (w ⊙ b) · x0        (full rank: V = 1, U = W)

        So the last layer's x' is never worked out.

        Args:
            weight: w, ``(width,)``.
        """
        return torch.cat([(self.wide.weight * weight.unsqueeze(1)).T, (weight * self.wide.bias).unsqueeze(0)])


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
        x0 = self.inputs(*arguments).sides
        weight = self.output.weight[0]
        width = self.last.wide.out_features
        crossed = self._low_rank(x0, weight[:width]) if self.last.narrow else self._full_rank(x0, weight[:width])
        if self.deep is None:
            return crossed + self.output.bias
        return crossed + functional.linear(self.deep(x0), weight[width:].unsqueeze(0), self.output.bias).squeeze(1)

    def _layers_before_last(self) -> list[CrossLayer]:
        return [*([] if self.first is None else [self.first]), *self.cross]

    def _low_rank(self, x0: Sides, weight: Tensor) -> Tensor:
        """``weight · cross_L(x0)``, ``(N,)``, by products with x alone, for of x = x0 ⊙ (U n + s) they are narrow.

        U and n are the layers' U and V x, side by side; s is 1 and the sum of their b.
        """
        before, of_last = self._layers_before_last(), self.last.of_last(weight)
        asked = [*(layer.narrowing for layer in before), torch.cat([self.last.narrowing, weight.unsqueeze(0)])]
        of_x0 = x0.linear(torch.cat([asked[0], of_last]))
        a, b = of_x0[:, : len(asked[0])], of_x0[:, len(asked[0]) :]
        narrow, wide, shift = list[Tensor](), list[Tensor](), torch.ones_like(weight)
        for layer, following in zip(before, asked[1:], strict=True):
            narrow.append(a)
            wide.append(layer.wide.weight)
            shift = shift + layer.wide.bias
            a = x0.scaled_linear(following, side_by_side(wide), shift, side_by_side(narrow))
        return (a[:, :-1] * b[:, :-1]).sum(dim=1) + a[:, -1] + b[:, -1]

    def _full_rank(self, x0: Sides, weight: Tensor) -> Tensor:
        x = x0.flat
        for number, layer in enumerate(self._layers_before_last()):
            x = layer(x0.flat, x) if number else x * (x0.linear(layer.wide.weight, layer.wide.bias) + 1.0)
        b = x0.linear(self.last.of_last(weight), functional.pad(weight, (0, 1)))
        return (x * b[:, :-1]).sum(dim=1) + b[:, -1]
