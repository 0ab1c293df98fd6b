"""DLRM: dot products of all pairs of embeddings, and a multilayer perceptron on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.mlp_model import SplitMLP, output_layer

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
            index = x.index if x.request_dense.shape[1] else None
            z = self.bottom(x.request_dense, index, x.candidate_dense)
            crossed = torch.cat([z, pair_dots(torch.cat([z.unsqueeze(1), vectors], dim=1))], dim=1)
        logit: Tensor = self.output(self.top(crossed, None, crossed)).squeeze(1)
        return logit


def pair_dots(vectors: Tensor) -> Tensor:
    """``v_i · v_j`` for all i < j: ``(N, F, d)`` to ``(N, F (F - 1) / 2)``.

    Example:
        >>> pair_dots(torch.tensor([[[1.0, 0.0], [2.0, 5.0], [3.0, 1.0]]])).tolist()
        [[2.0, 3.0, 11.0]]
    """
    square = (vectors @ vectors.transpose(1, 2)).flatten(1)
    n = vectors.shape[1]
    first, second = torch.triu_indices(n, n, offset=1)
    if not torch.is_grad_enabled():
        return square[:, first * n + second]
    picked: Tensor = _Columns.apply(square, first * n + second)  # type: ignore[no-untyped-call]
    return picked


class _Columns(torch.autograd.Function):
    """Chosen columns, each at most once: the gradient is copied to its place, where indexing would add it up there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, columns: Tensor) -> Tensor:
        ctx.width = x.shape[1]
        ctx.save_for_backward(columns)
        return x[:, columns]

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None]:
        (columns,) = ctx.saved_tensors
        place = torch.full((ctx.width,), len(columns))
        place[columns] = torch.arange(len(columns))
        return torch.nn.functional.pad(grad[0], (0, 1))[:, place], None
