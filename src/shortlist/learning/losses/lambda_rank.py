"""LambdaRank: pairs weighed by what swapping them does to the order's value."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from shortlist.learning.losses.lists import checked_lists
from shortlist.learning.losses.pairwise import pairs

__all__ = ["lambda_rank_loss"]


def lambda_rank_loss(
    scores: Tensor,
    labels: Tensor,
    *,
    where: Tensor | None = None,
    weights: Tensor | None = None,
    k: int | None = None,
) -> Tensor:
    """LambdaRank (Burges, Ragno & Le, NeurIPS 2006; Burges, MSR-TR-2010-82).

        loss = mean over lists of  sum over pairs with y_i > y_j of  |ΔNDCG_ij| log(1 + exp(-(s_i - s_j)))
        |ΔNDCG_ij| = |2^y_i - 2^y_j| |D(rank_i) - D(rank_j)| / ideal DCG,    D(r) = 1 / log2(1 + r), 0 beyond k

    The ranks are those of the scores as they are and get no gradient (equal scores stand in the order given), so the
    *gradient* is LambdaRank's lambda; the value falls in steps and is not what is minimised. Lists of which no pair
    counts are left out of the mean. ``lambda_gradient.py`` has the same in NumPy, swap by swap.

    Args:
        scores: ``[..., list_size]``.
        labels: ``[..., list_size]``, grades from 0.
        where: bool, which places hold an item.
        weights: not negative; a pair has the weight of its more relevant item.
        k: NDCG@k in place of NDCG.

    Example:
        >>> loss = lambda_rank_loss(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 1.0]))
        >>> round(loss.item(), 6)  # (1 - 1 / log2(3)) log 2
        0.25582
    """
    score, label, weight, present = checked_lists(scores, labels, where, weights)
    margin, pair_weight = pairs(score, label, weight, present)
    with torch.no_grad():
        gain = torch.where(present, torch.exp2(label) - 1.0, 0.0)
        discount = _discount(score.masked_fill(~present, -torch.inf), k)
        ideal = (torch.sort(gain, dim=-1, descending=True).values * _discounts_by_rank(score, k)).sum(-1)
        delta = (gain.unsqueeze(-1) - gain.unsqueeze(-2)).abs() * (
            discount.unsqueeze(-1) - discount.unsqueeze(-2)
        ).abs()
        delta = delta / torch.where(ideal > 0.0, ideal, 1.0)[..., None, None]
        lists = (pair_weight > 0.0).any(-1).any(-1).sum().clamp(min=1)
    return (pair_weight * delta * functional.softplus(-margin)).sum() / lists


def _discounts_by_rank(score: Tensor, k: int | None) -> Tensor:
    rank = torch.arange(score.shape[-1], dtype=score.dtype)
    discount = 1.0 / torch.log2(rank + 2.0)
    return discount if k is None else torch.where(rank < k, discount, 0.0)


def _discount(score: Tensor, k: int | None) -> Tensor:
    """Of each item at the rank that its score gives it."""
    order = torch.argsort(score, dim=-1, descending=True, stable=True)
    by_rank = _discounts_by_rank(score, k).expand(score.shape)
    return torch.empty_like(score).scatter(-1, order, by_rank)
