"""The loss of several tasks at once: a row's log-losses, weighed and added up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["TaskLogLoss"]


@dataclass(frozen=True, slots=True)
class TaskLogLoss:
    """``sum over tasks t of w_t BCE(z_t, y_t)``, a row; a label below 0 is not known and counts nothing.

    Weights of the loss say how much a task may shape what the tasks share. They are not what a task is worth when a
    page is sorted: that is the value model's business.

    Attributes:
        weights: one a task, not negative.

    Example:
        >>> loss = TaskLogLoss((1.0, 0.5))
        >>> labels = torch.tensor([[1.0, 0.0], [1.0, -1.0]])  # of the second row only the first task is known
        >>> [round(x, 4) for x in loss(torch.zeros(2, 2), labels).tolist()]  # 1.5 log 2 and log 2
        [1.0397, 0.6931]
    """

    weights: tuple[float, ...]

    def __call__(self, logit: Tensor, label: Tensor) -> Tensor:
        """Logits and labels ``(n, T)`` to losses ``(n,)``."""
        known = label >= 0.0
        lost = functional.binary_cross_entropy_with_logits(logit, label.clamp(min=0.0), reduction="none")
        total: Tensor = (torch.where(known | label.isnan(), lost, 0.0) * logit.new_tensor(self.weights)).sum(dim=1)
        return total
