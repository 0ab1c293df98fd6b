"""DLRM: dot products of all pairs of embeddings, and a multilayer perceptron on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.mlp_model import SplitMLP, output_layer
from shortlist.ranking.sides_model import Sides

__all__ = ["DLRM", "pair_dots"]


class DLRM(nn.Module):
    """Naumov et al., "Deep learning recommendation model for personalization and recommendation systems", 2019.

        z = bottom(numbers);    logit = w · top([z, e_i · e_j for i < j among z and the fields]) + b

    Args:
        inputs: of width d.
        bottom: units of the bottom's layers before its last one, which has d.
        top: units of the top's layers.
        dropout: in the top.
        bias: the first value of b.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        bottom: Sequence[int] = (64,),
        top: Sequence[int] = (64, 32),
        dropout: float = 0.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.bottom = SplitMLP(inputs.n_dense, (*bottom, inputs.width)) if inputs.n_dense else None
        vectors = inputs.n_fields + (1 if inputs.n_dense else 0)
        self.top = SplitMLP(vectors * (vectors - 1) // 2 + (inputs.width if inputs.n_dense else 0), top, dropout)
        self.output = output_layer(self.top.width, bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        x = self.inputs(*arguments)
        vectors = x.fields
        if self.bottom is None:
            crossed = pair_dots(vectors)
        else:
            z = self.bottom(x.dense_sides)
            crossed = torch.cat([z, pair_dots(torch.cat([z.unsqueeze(1), vectors], dim=1))], dim=1)
        logit: Tensor = self.output(self.top(Sides.whole(crossed))).squeeze(1)
        return logit


def pair_dots(vectors: Tensor) -> Tensor:
    """``v_i · v_j`` for all i < j: ``(N, F, d)`` to ``(N, F (F - 1) / 2)``.

    Example:
        >>> pair_dots(torch.tensor([[[1.0, 0.0], [2.0, 5.0], [3.0, 1.0]]])).tolist()
        [[2.0, 3.0, 11.0]]
    """
    if torch.is_grad_enabled():
        dots: Tensor = _PairDots.apply(vectors)  # type: ignore[no-untyped-call]
        return dots
    return _dots(vectors)


def _dots(vectors: Tensor) -> Tensor:
    square = (vectors @ vectors.transpose(1, 2)).flatten(1)
    return square.index_select(1, _above_the_diagonal(vectors.shape[1]))


def _above_the_diagonal(n: int) -> Tensor:
    """Places of the pairs i < j in a matrix of n rows, laid flat."""
    first, second = torch.triu_indices(n, n, offset=1).unbind()
    places: Tensor = first * n + second
    return places


class _PairDots(torch.autograd.Function):
    """With G the gradient at i < j, the vectors' gradient is ``(G + G') V``: one product, where autograd has two.

    G + G' is gathered, entry by entry, from the pairs' gradients; indexing would add them up at their places instead.
    """

    @staticmethod
    def forward(ctx: Any, vectors: Tensor) -> Tensor:
        ctx.save_for_backward(vectors)
        return _dots(vectors)

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> Tensor:
        vectors: Tensor = ctx.saved_tensors[0]
        n = vectors.shape[1]
        pairs = _above_the_diagonal(n)
        place = torch.full((n * n,), len(pairs))  # the diagonal has the gradient that is padded on, 0
        place[pairs] = torch.arange(len(pairs))
        place = torch.minimum(place.view(n, n), place.view(n, n).T).flatten()
        both: Tensor = functional.pad(grad[0], (0, 1)).index_select(1, place).view(-1, n, n)
        return both @ vectors
