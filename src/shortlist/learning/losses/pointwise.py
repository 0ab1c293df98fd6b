"""Losses of single items: the score is the log odds of a label."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from shortlist.learning.losses.lists import checked_lists, weighted_mean

__all__ = ["binary_cross_entropy_loss", "squared_loss"]


def binary_cross_entropy_loss(
    scores: Tensor, labels: Tensor, *, where: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy of log odds: least, in expectation, at the true probabilities.

        loss = mean over i of  softplus(s_i) - y_i s_i  =  -y log sigmoid(s) - (1 - y) log(1 - sigmoid(s))

    Args:
        scores: ``[..., list_size]``, log odds.
        labels: ``[..., list_size]`` in [0, 1].
        where: bool, which places hold an item.
        weights: not negative, of each item.

    Example:
        >>> import torch
        >>> round(binary_cross_entropy_loss(torch.zeros(2), torch.tensor([1.0, 0.0])).item(), 6)  # log 2
        0.693147
    """
    score, label, weight, _ = checked_lists(scores, labels, where, weights)
    return weighted_mean(functional.softplus(score) - label * score, weight)


def squared_loss(
    scores: Tensor, labels: Tensor, *, where: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Squared error: pointwise regression on a grade, least at its expectation.

        loss = mean over i of  (s_i - y_i)^2

    Args:
        scores: ``[..., list_size]``, in the labels' unit.
        labels: ``[..., list_size]``.
        where: bool, which places hold an item.
        weights: not negative, of each item.

    Example:
        >>> import torch
        >>> squared_loss(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 1.0])).item()
        2.5
    """
    score, label, weight, _ = checked_lists(scores, labels, where, weights)
    return weighted_mean((score - label) ** 2, weight)
