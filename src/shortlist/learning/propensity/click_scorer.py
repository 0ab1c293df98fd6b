"""A small scorer of features for models that learn from clicks, and what is left of it when it serves: arrays.

Imports torch, so nothing that serves may import it; ``ScorerArrays`` lives in ``scorer_arrays``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from shortlist.core.arrays import Float64
from shortlist.learning.propensity.scorer_arrays import ScorerArrays

__all__ = ["ClickScorer"]


class ClickScorer(nn.Module):
    """``f(x) = w · relu(W z + b) + v · z``, with ``z`` the features standardised by the training rows.

    Args:
        features: ``(N, D)`` of the training rows.
        hidden: units; 0 for a linear scorer.
    """

    def __init__(self, features: Float64, *, hidden: int) -> None:
        super().__init__()
        spread = features.std(axis=0)
        self._mean, self._scale = features.mean(axis=0), np.where(spread > 0, spread, 1.0)
        d = features.shape[1]
        self.linear = nn.Linear(d, 1, bias=False)
        self.hidden = nn.Linear(d, max(hidden, 1))
        self.output = nn.Linear(max(hidden, 1), 1, bias=False)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.output.weight)
        self._has_hidden = hidden > 0

    def standardised(self, features: Float64) -> Tensor:
        """z, float32 ``(N, D)``."""
        return torch.from_numpy(((features - self._mean) / self._scale).astype(np.float32))

    def forward(self, z: Tensor) -> Tensor:
        """F of standardised features ``(..., D)``: ``(...)``."""
        score: Tensor = self.linear(z).squeeze(-1)
        return score + self.output(torch.relu(self.hidden(z))).squeeze(-1) if self._has_hidden else score

    def arrays(self) -> ScorerArrays:
        """What serves."""
        hidden = (
            (self.hidden.weight, self.hidden.bias, self.output.weight[0])
            if self._has_hidden
            else (torch.zeros(1, len(self._mean)), torch.zeros(1), torch.zeros(1))
        )
        parts = (self.linear.weight[0], *hidden)
        return ScorerArrays(self._mean, self._scale, *(p.detach().numpy().astype(np.float64) for p in parts))
