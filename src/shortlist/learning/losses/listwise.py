"""Losses of whole lists, and the one that keeps probabilities while it ranks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from shortlist.learning.losses.lists import checked_lists, weighted_mean
from shortlist.learning.losses.pointwise import binary_cross_entropy_loss

__all__ = ["calibrated_ranking_loss", "list_cross_entropy_loss", "softmax_loss"]


def softmax_loss(
    scores: Tensor, labels: Tensor, *, where: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Softmax cross-entropy (ListNet's top-one loss, Cao et al., ICML 2007; Bruch et al., ICTIR 2019).

        loss = mean over relevant i, each counting w_i y_i, of  -log( exp(s_i) / sum over j of exp(s_j) )

    A constant added to a list's scores changes nothing: it ranks, and its scores are no log odds.

    Args:
        scores: ``[..., list_size]``.
        labels: ``[..., list_size]``, not negative.
        where: bool, which places hold an item.
        weights: not negative; of the item's share as a relevant one, not of its place among the others.

    Example:
        >>> round(softmax_loss(torch.zeros(4), torch.tensor([0.0, 1.0, 0.0, 0.0])).exp().item(), 4)  # one of four
        4.0
    """
    score, label, weight, present = checked_lists(scores, labels, where, weights)
    return _list_cross_entropy(score, label * weight, present)


def list_cross_entropy_loss(
    scores: Tensor, labels: Tensor, *, where: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """ListCE of regression compatible ranking (Bai et al., CIKM 2023): the softmax's, on probabilities.

        loss = mean over relevant i, each counting w_i y_i, of  -log( sigmoid(s_i) / sum over j of sigmoid(s_j) )

    Least where the sigmoids of a list are proportional to the expected labels; so the true log odds are among its
    minima, which the softmax's are not.

    Args:
        scores: ``[..., list_size]``, log odds.
        labels: ``[..., list_size]``, not negative.
        where: bool, which places hold an item.
        weights: not negative; of the item's share as a relevant one.

    Example:
        >>> round(list_cross_entropy_loss(torch.zeros(4), torch.tensor([0.0, 1.0, 0.0, 0.0])).exp().item(), 4)
        4.0
    """
    score, label, weight, present = checked_lists(scores, labels, where, weights)
    return _list_cross_entropy(functional.logsigmoid(score), label * weight, present)


def calibrated_ranking_loss(
    scores: Tensor,
    labels: Tensor,
    *,
    where: Tensor | None = None,
    weights: Tensor | None = None,
    ranking: float = 1.0,
) -> Tensor:
    """Regression compatible ranking (Bai et al., CIKM 2023): ranks by lists and stays a probability.

        loss = binary cross-entropy + ranking · ListCE

    Both parts are least at the true log odds, so the one does not pull the other away, as a softmax does.

    Args:
        scores: ``[..., list_size]``, log odds.
        labels: ``[..., list_size]`` in [0, 1].
        where: bool, which places hold an item.
        weights: not negative, of each item's own terms.
        ranking: how much the list's part counts.

    Example:
        >>> y = torch.tensor([1.0, 0.0])
        >>> round(calibrated_ranking_loss(torch.zeros(2), y).item(), 6)  # log 2 + log 2
        1.386294
    """
    return binary_cross_entropy_loss(scores, labels, where=where, weights=weights) + ranking * list_cross_entropy_loss(
        scores, labels, where=where, weights=weights
    )


def _list_cross_entropy(logit: Tensor, share: Tensor, present: Tensor) -> Tensor:
    """The mean of ``-log softmax`` over the items with a share; a list without items is left out of it."""
    lowest = torch.finfo(logit.dtype).min  # not -inf: a list that holds nothing would be NaN
    masked = logit.masked_fill(~present, lowest)
    return weighted_mean(torch.where(present, torch.logsumexp(masked, dim=-1, keepdim=True) - logit, 0.0), share)
