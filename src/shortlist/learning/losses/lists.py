"""What the losses over lists share: masks, item weights, and means that an empty list cannot spoil.

Shapes are rax's (Jagerman et al., KDD 2022): scores and labels ``[..., list_size]``, any batch in front. ``where`` says
which places hold an item; what stands in the others, NaN included, moves neither the loss nor a gradient. ``weights``
are of an item's own terms: its row, its pairs with less relevant items, its share of a list. They are where inverse
propensities go: each loss is a weighted mean of its terms (self-normalised, Swaminathan & Joachims, NeurIPS 2015).
"""

from __future__ import annotations

import torch
from torch import Tensor

from shortlist.core.errors import DataError

__all__ = ["Lists", "checked_lists", "weighted_mean"]

Lists = tuple[Tensor, Tensor, Tensor, Tensor]
"""Scores, labels, weights and ``where``, all of one shape; 0 (weight and all) where there is no item."""


def checked_lists(scores: Tensor, labels: Tensor, where: Tensor | None, weights: Tensor | None) -> Lists:
    """The arguments of a loss, filled in and masked.

    Raises:
        DataError: they are not of one shape.
    """
    present = torch.ones_like(scores, dtype=torch.bool) if where is None else where
    weight = torch.ones_like(scores) if weights is None else weights.to(scores.dtype)
    for name, part in (("labels", labels), ("where", present), ("weights", weight)):
        if part.shape != scores.shape:
            raise DataError(
                f"{name} are {tuple(part.shape)}, scores {tuple(scores.shape)}",
                where="loss",
                fix="give one of each an item",
            )
    nothing = torch.zeros((), dtype=scores.dtype)
    score, label, weight = (torch.where(present, part.to(scores.dtype), nothing) for part in (scores, labels, weight))
    return score, label, weight, present


def weighted_mean(term: Tensor, weight: Tensor) -> Tensor:
    """``sum(weight term) / sum(weight)``, and 0 where there is nothing to average.

    Example:
        >>> weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 1.0])).item()
        2.0
    """
    total = weight.sum()
    return (weight * term).sum() / torch.where(total > 0.0, total, torch.ones_like(total))
