"""Sampled softmax over shared negatives, some rows of the batch at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from shortlist.learning.losses.sampled import Hits

__all__ = ["chunked_softmax_loss"]


def chunked_softmax_loss(
    user: Tensor,
    item: Tensor,
    negative: Tensor,
    log_expected: Tensor,
    *,
    hits: Hits,
    temperature: float,
    chunk: int = 256,
) -> Tensor:
    """``sampled_softmax_loss`` of s_b = u_b·v_b / τ and s_bc = u_b·v_c / τ, without ever holding the B × m logits.

    A block of ``chunk`` rows is computed, reduced to its part of the loss **and of all three gradients**, and
    overwritten by the next one: memory O(chunk · m), and each block is still in the cache when its gradient is taken.
    Nothing is computed twice; backward only multiplies what forward kept (as for language models Wijmans et al.,
    "Cut your losses in large-vocabulary language models", 2024, and Hsu et al., "Liger kernel", 2024, do).

    Args:
        user: ``(B, d)``.
        item: ``(B, d)``, the positives' vectors.
        negative: ``(m, d)``, the negatives' vectors.
        log_expected: ``(m,)``, log E_c.
        hits: left out of the sum; by place in the batch, rising, as ``accidental_hits`` gives them.
        temperature: τ.
        chunk: rows at a time; 256 was fastest at B from 512 to 8,192.
    """
    loss: Tensor = _ChunkedSoftmax.apply(  # type: ignore[no-untyped-call]
        user / temperature, item, negative, log_expected, hits, chunk
    )
    return loss


class _ChunkedSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, user: Tensor, item: Tensor, negative: Tensor, log_expected: Tensor, hits: Hits, chunk: int
    ) -> Tensor:
        n = len(user)
        by_user, by_item, by_negative = torch.empty_like(user), torch.empty_like(item), torch.zeros_like(negative)
        total = user.new_zeros(())
        block = user.new_empty(min(chunk, n), len(negative))
        edges = torch.searchsorted(hits[0], torch.arange(0, n + chunk, chunk)).tolist()
        for which, start in enumerate(range(0, n, chunk)):
            part = slice(start, min(start + chunk, n))
            u, v = user[part], item[part]
            logit = torch.mm(u, negative.T, out=block[: len(u)]).sub_(log_expected)
            here = slice(edges[which], edges[which + 1])
            logit[hits[0][here] - start, hits[1][here]] = -torch.inf
            positive = (u * v).sum(dim=1)
            top = torch.maximum(logit.amax(dim=1), positive) if len(negative) else positive
            weight = logit.sub_(top.unsqueeze(1)).exp_()
            own = (positive - top).exp()
            whole = weight.sum(dim=1) + own
            total += (whole.log() + top - positive).sum()
            weight.div_(whole.unsqueeze(1))
            pull = (own / whole - 1.0).unsqueeze(1)
            torch.addmm(pull * v, weight, negative, out=by_user[part])
            torch.mul(pull, u, out=by_item[part])
            by_negative.addmm_(weight.T, u)
        ctx.save_for_backward(by_user, by_item, by_negative)
        ctx.rows = n
        return total / n

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor | None, ...]:
        by_user, by_item, by_negative = ctx.saved_tensors
        scale = grad[0] / ctx.rows
        return by_user * scale, by_item * scale, by_negative * scale, None, None, None
