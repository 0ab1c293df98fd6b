"""Losses of pairs: the more relevant item of a list above the less relevant one."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from shortlist.learning.losses.lists import checked_lists, weighted_mean

__all__ = ["pairs", "pairwise_hinge_loss", "pairwise_logistic_loss"]


def pairs(score: Tensor, label: Tensor, weight: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Margins ``s_i - s_j`` and the weight of each pair: ``w_i`` where i is the more relevant, else 0.

    Args:
        score: ``[..., list_size]``.
        label: ``[..., list_size]``.
        weight: ``[..., list_size]``.
        present: bool ``[..., list_size]``.

    Returns:
        Two of ``[..., list_size, list_size]``.
    """
    first, second = label.unsqueeze(-1), label.unsqueeze(-2)
    counts = (first > second) & present.unsqueeze(-1) & present.unsqueeze(-2)
    return score.unsqueeze(-1) - score.unsqueeze(-2), weight.unsqueeze(-1) * counts


def pairwise_hinge_loss(
    scores: Tensor, labels: Tensor, *, where: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Pairs that are not a whole unit apart (ranking SVM; Herbrich, Graepel & Obermayer 1999; Joachims, KDD 2002).

        loss = mean over pairs with y_i > y_j of  max(0, 1 - (s_i - s_j))

    Args:
        scores: ``[..., list_size]``.
        labels: ``[..., list_size]``; only their order counts.
        where: bool, which places hold an item.
        weights: not negative; a pair has the weight of its more relevant item.

    Example:
        >>> import torch
        >>> loss = pairwise_hinge_loss(torch.tensor([2.2, -1.3, 5.4]), torch.tensor([1.0, 0.0, 0.0]))
        >>> round(loss.item(), 5)  # (0 + 4.2) / 2
        2.1
    """
    margin, weight = pairs(*checked_lists(scores, labels, where, weights))
    return weighted_mean(functional.relu(1.0 - margin), weight)


def pairwise_logistic_loss(
    scores: Tensor, labels: Tensor, *, where: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """RankNet (Burges et al., ICML 2005): the log-likelihood of which of two is more relevant.

        loss = mean over pairs with y_i > y_j of  log(1 + exp(-(s_i - s_j)))

    On clicked and unclicked items of a list it is BPR (Rendle et al., UAI 2009); ``sampled.bpr_loss`` is BPR over
    drawn negatives.

    Args:
        scores: ``[..., list_size]``.
        labels: ``[..., list_size]``; only their order counts.
        where: bool, which places hold an item.
        weights: not negative; a pair has the weight of its more relevant item.

    Example:
        >>> import torch
        >>> round(pairwise_logistic_loss(torch.zeros(3), torch.tensor([2.0, 1.0, 0.0])).item(), 6)  # log 2
        0.693147
    """
    margin, weight = pairs(*checked_lists(scores, labels, where, weights))
    return weighted_mean(functional.softplus(-margin), weight)
