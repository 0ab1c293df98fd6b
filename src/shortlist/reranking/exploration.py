"""Exploration: a share of every slot is kept for little-known items, and the logged chance stays exact.

An item that is never shown is never learned about, and a ranker that has not learned about it never shows it. So each
slot is drawn from a mixture of two arms: the re-ranker's softmax over everything, and one over the little-known items
alone. Whichever arm could have placed an item, the log keeps the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Bool, Float64
from shortlist.core.errors import ShortlistError
from shortlist.reranking.page_kernel import mixed

__all__ = ["Exploration", "mixture"]


@dataclass(frozen=True, slots=True)
class Exploration:
    """How much is explored.

    Attributes:
        share: ε in (0, 1], the share of each slot that belongs to the exploring arm.
        temperature: of the exploring arm's softmax over little-known items, whose rank scores are scaled to [0, 1]
            among themselves; 0 always takes the best of them, a large one takes all alike.

    Raises:
        ShortlistError: a number is out of range.
    """

    share: float
    temperature: float

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise ShortlistError(f"the share is {self.share}", where="Exploration", fix="give more than 0, at most 1")
        if not 0.0 <= self.temperature < np.inf:
            raise ShortlistError(
                f"temperature is {self.temperature}", where="Exploration", fix="give 0 or a positive number"
            )


def mixture(main: Float64, marginal: Float64, little_known: Bool, exploration: Exploration) -> Float64:
    """The chance of each item to be drawn into one slot, summed over both arms.

        P_i = (1 - ε) main_i + ε exp(m_i / T) [i in E] / sum over j in E of exp(m_j / T)

    with E the little-known items that are not masked; where there are none, the slot is the main arm's alone. One draw
    from P is the same policy as a coin with chance ε and a draw from the arm it picks, and needs no coin to be logged:
    P_i is what an estimate from the log has to divide by, whichever arm placed the item (the balance heuristic of
    multiple importance sampling: Veach & Guibas, SIGGRAPH 1995).

    Args:
        main: float64 ``(n,)``, the main arm's chances.
        marginal: float64 ``(n,)``, m, the exploring arm's marginal score; ``-inf`` masks an item out.
        little_known: bool ``(n,)``.
        exploration: ε and T.

    Returns:
        float64 ``(n,)`` that sums to 1.

    Example:
        >>> young = np.array([False, True, True])
        >>> mixture(np.array([0.8, 0.2, 0.0]), np.zeros(3), young, Exploration(0.1, 1.0)).round(3).tolist()
        [0.72, 0.23, 0.05]
    """
    chances: Float64 = mixed(main, marginal, little_known, exploration.share, exploration.temperature)
    return chances
