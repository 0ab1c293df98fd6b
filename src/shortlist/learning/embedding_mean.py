"""Means of a few embeddings a row, with a backward pass that is several times faster than EmbeddingBag's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["embedding_mean"]


def embedding_mean(token: Tensor, weight: Tensor) -> Tensor:
    """Each row's mean over its tokens; zeros where it has none.

    Forward is ``embedding_bag``. Its backward passes sort all tokens of the batch; here the gradient of the table is
    dense and one column of tokens after another is added to it, which pays for tables of some ten thousand rows.

    Args:
        token: int64 ``(n, T)``, padded with 0.
        weight: ``(buckets + 1, d)``; row 0 is padding and has no gradient.

    Returns:
        ``(n, d)``.

    Example:
        >>> embedding_mean(torch.tensor([[1, 2], [2, 0], [0, 0]]), torch.tensor([[9.0], [1.0], [3.0]])).tolist()
        [[2.0], [3.0], [0.0]]
    """
    mean: Tensor = _EmbeddingMean.apply(token, weight)  # type: ignore[no-untyped-call]
    return mean


class _EmbeddingMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, token: Tensor, weight: Tensor) -> Tensor:
        held = (token > 0).to(weight.dtype)
        share = held / held.sum(dim=1, keepdim=True).clamp(min=1)
        ctx.save_for_backward(token, share)
        ctx.rows = len(weight)
        return functional.embedding_bag(token, weight, per_sample_weights=share, mode="sum")

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[None, Tensor]:
        token, share = ctx.saved_tensors
        by_row = grad[0] * share.amax(dim=1, keepdim=True)
        by_weight = by_row.new_zeros(ctx.rows, by_row.shape[1])
        for column in token.unbind(dim=1):
            held = column.nonzero().squeeze(1)
            if len(held) == len(column):
                by_weight.index_add_(0, column, by_row)
            else:
                by_weight.index_add_(0, column[held], by_row[held])
        return None, by_weight
