"""``ScorerArrays``: a scorer that was trained on clicks, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64

__all__ = ["ScorerArrays"]


@dataclass(frozen=True, slots=True, eq=False)
class ScorerArrays:
    """``f(x) = output · relu(hidden z + bias) + linear · z,    z = (x - mean) / scale``.

    Attributes:
        mean: float64 ``(D,)``.
        scale: float64 ``(D,)``.
        linear: float64 ``(D,)``.
        hidden: float64 ``(H, D)``.
        bias: float64 ``(H,)``.
        output: float64 ``(H,)``.
    """

    mean: Float64
    scale: Float64
    linear: Float64
    hidden: Float64
    bias: Float64
    output: Float64

    def score(self, features: Float64) -> Float64:
        """f, float64 ``(N,)``, of features ``(N, D)``."""
        z = (features - self.mean) / self.scale
        return np.asarray(np.maximum(z @ self.hidden.T + self.bias, 0.0) @ self.output + z @ self.linear)
