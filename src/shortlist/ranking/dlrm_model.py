"""DLRM: dot products of all pairs of embeddings, and a multilayer perceptron on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.ranking.input_layer_model import InputLayer, Inputs
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
        z = None if self.bottom is None else self.bottom(x.dense_sides)
        if x.index is None and x.request_fields.shape[1]:
            hidden = self.top.after_first(self._first_of_one(x, z))
        elif z is None:
            hidden = self.top(Sides.whole(pair_dots(x.fields)))
        else:
            crossed = pair_dots(torch.cat([z.unsqueeze(1), x.fields], dim=1))
            hidden = self.top(Sides.whole(torch.cat([z, crossed], dim=1)))
        logit: Tensor = self.output(hidden).squeeze(1)
        return logit

    def _first_of_one(self, x: Inputs, z: Tensor | None) -> Tensor:
        """The first layer on top, of rows of one request, ``(N, top[0])``.

        With w one of its outputs, v a row's own vectors (z and the candidate's) and q the request's,

            sum of the pairs = sum_k v_k · (sum_j w_kj q_j) + sum_{k<l} w_kl v_k · v_l + sum_{i<j} w_ij q_i · q_j

        of which the inner sum and the last one are worked out once.
        """
        first, q = self.top.first, x.request_fields[0]
        v = x.candidate_fields if z is None else torch.cat([z.unsqueeze(1), x.candidate_fields], dim=1)
        before, of_z = (0, 0) if z is None else (1, self.inputs.width)
        r, n = len(q), len(q) + v.shape[1]
        both = functional.pad(first.weight[:, of_z:], (0, 1)).index_select(1, _pair_of(n)).view(-1, n, n)
        own = torch.cat([torch.arange(before), torch.arange(before + r, n)])
        of_own, of_request = both.index_select(1, own), both[:, before : before + r]
        with_request = (of_own[:, :, before : before + r] @ q).flatten(1)
        with_request = with_request + functional.pad(first.weight[:, :of_z], (0, with_request.shape[1] - of_z))
        among_own = 0.5 * of_own.index_select(2, own).flatten(1)
        among_request = 0.5 * of_request[:, :, before : before + r].flatten(1)
        once = functional.linear((q @ q.T).view(1, -1), among_request, first.bias)
        return torch.addmm(
            torch.addmm(once, v.flatten(1), with_request.T), (v @ v.transpose(1, 2)).flatten(1), among_own.T
        )


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


def _pair_of(n: int) -> Tensor:
    """Which pair's are (i, j) and (j, i) of a matrix of n rows, laid flat; of (i, i) one more than there are."""
    place = torch.arange(n)
    i, j = torch.minimum(place, place.unsqueeze(1)), torch.maximum(place, place.unsqueeze(1))
    return torch.where(i < j, i * (2 * n - i - 1) // 2 + j - i - 1, n * (n - 1) // 2).flatten()


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
        both: Tensor = functional.pad(grad[0], (0, 1)).index_select(1, _pair_of(n)).view(-1, n, n)
        return both @ vectors
