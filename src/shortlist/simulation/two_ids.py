"""A planted world of clicks on two ids: what goes together is hidden in vectors, what is easy is in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float32, Float64, Int64
from shortlist.core.randomness import Rng, generator

__all__ = ["Clicks", "TwoIds"]


@dataclass(frozen=True, slots=True, eq=False)
class Clicks:
    """Rows in time.

    Attributes:
        ids: int64 ``(N, 2)``, from 1: who, and what.
        numbers: float32 ``(N, 3)``.
        logit: float64 ``(N,)``, the true log odds.
        label: float32 ``(N,)``.
    """

    ids: Int64
    numbers: Float32
    logit: Float64
    label: Float32


class TwoIds:
    """Simulated clicks of which the truth is known.

        log odds = bias + taste · (p_u · q_i) / sqrt(d) + a_u + b_i + edge · ([x_1 > 0.3 and x_2 < 0.5] + [|x_3| < 0.5])

    with normal vectors p, q of d numbers, normal a, b of standard deviation ``liking``, and normal numbers x. Who and
    what are drawn evenly. A corner and a stripe of numbers are what trees cut out with two splits each; the product of
    the two vectors is what embeddings can hold, and what a tree has to spell out, one group of ids after another.

    Args:
        cardinality: how many there are of each id.
        rng: of the vectors.
        width: d.
        taste: weight of the product.
        liking: spread of what each id adds alone.
        edge: what a corner or a stripe of the numbers adds.
        bias: log odds of everything at its mean.
    """

    def __init__(
        self,
        cardinality: int,
        *,
        rng: Rng,
        width: int = 2,
        taste: float = 4.5,
        liking: float = 0.5,
        edge: float = 2.0,
        bias: float = -1.5,
    ) -> None:
        source = generator(rng)
        self.cardinality, self.edge, self.bias = cardinality, edge, bias
        vectors = source.normal(size=(2, cardinality, width))
        alone = liking * source.normal(size=(2, cardinality))
        self._of_pair: Float64 = taste * vectors[0] @ vectors[1].T / np.sqrt(width) + alone[0][:, None] + alone[1]

    def draw(self, rows: int, *, rng: Rng) -> Clicks:
        """Rows of the world, one after another.

        Example:
            >>> clicks = TwoIds(30, rng=0).draw(1_000, rng=1)
            >>> int(clicks.ids.min()), int(clicks.ids.max()), clicks.numbers.shape
            (1, 30, (1000, 3))
        """
        source = generator(rng)
        place = source.integers(self.cardinality, size=(rows, 2))
        numbers = source.normal(size=(rows, 3)).astype(np.float32)
        in_corner = (numbers[:, 0] > 0.3) & (numbers[:, 1] < 0.5)
        in_stripe = np.abs(numbers[:, 2]) < 0.5
        cut = in_corner.astype(np.float64) + in_stripe
        logit = self.bias + self._of_pair[place[:, 0], place[:, 1]] + self.edge * cut
        label = source.random(rows) < 1.0 / (1.0 + np.exp(-logit))
        return Clicks(place + 1, numbers, logit, label.astype(np.float32))
