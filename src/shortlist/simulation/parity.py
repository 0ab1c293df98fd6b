"""A planted interaction: some switches decide the odds together, and fewer of them say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float32, Float64
from shortlist.core.randomness import Rng, generator

__all__ = ["Parity"]


@dataclass(frozen=True, slots=True)
class Parity:
    """Simulated rows with an interaction of a known order and no other.

        x_1 ... x_F are -1 or 1 with equal chances,    log odds = strength · x_1 x_2 ... x_order

    Whoever knows fewer than ``order`` of the first switches knows nothing of the label: given them the product is still
    -1 or 1 with equal chances. So the AUC of any model that adds up functions of fewer switches is .5.

    Attributes:
        order: of the interaction.
        switches: F.
        strength: of the log odds.

    Example:
        >>> x, logit, label = Parity(order=2, switches=3, strength=1.5).draw(4, rng=0)
        >>> bool((logit == 1.5 * x[:, 0] * x[:, 1]).all()), x.shape, label.shape
        (True, (4, 3), (4,))
    """

    order: int
    switches: int = 10
    strength: float = 1.5

    def draw(self, rows: int, *, rng: Rng) -> tuple[Float32, Float64, Float32]:
        """Switches ``(rows, F)``, true log odds ``(rows,)`` and labels ``(rows,)``."""
        source = generator(rng)
        x = (2.0 * source.integers(2, size=(rows, self.switches)) - 1.0).astype(np.float32)
        logit = self.strength * x[:, : self.order].prod(axis=1, dtype=np.float64)
        label = source.random(rows) < 1.0 / (1.0 + np.exp(-logit))
        return x, logit, label.astype(np.float32)
