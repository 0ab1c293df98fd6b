"""The slot softmax: randomness comes last, so that the chance of every shown item is exact.

Slot after slot, one item is drawn by a softmax over a marginal score given the slots above. The logged
``selection_propensity`` is that softmax's value: P(item at this slot | context, candidate set, slots above). The
propensity of a whole list is the product over its slots (Plackett, Applied Statistics 1975; Luce 1959).
"""

from __future__ import annotations

from shortlist.core.arrays import Float64
from shortlist.reranking.page_kernel import pick, softmax

__all__ = ["draw", "slot_probabilities"]


def slot_probabilities(marginal: Float64, temperature: float) -> Float64:
    """The chance of each item to be drawn into one slot.

    ``P_i = exp(m_i / T) / sum_j exp(m_j / T)`` for T > 0. At T = 0 the best item has 1 (the first of equals).

    Args:
        marginal: float64 ``(n,)``, the score of each item given the slots above; ``-inf`` masks an item out.
        temperature: T, in the units of the score, at least 0.

    Returns:
        float64 ``(n,)`` that sums to 1; masked items have exactly 0.

    Example:
        >>> import numpy as np
        >>> slot_probabilities(np.array([1.0, 1.0, -np.inf]), 0.5).tolist()
        [0.5, 0.5, 0.0]
        >>> slot_probabilities(np.array([1.0, 2.0]), 0.0).tolist()
        [0.0, 1.0]
    """
    chances: Float64 = softmax(marginal, temperature)
    return chances


def draw(probabilities: Float64, uniform: float) -> int:
    """The item that a uniform number in [0, 1) picks, by inversion of the distribution function.

    Example:
        >>> import numpy as np
        >>> draw(np.array([0.25, 0.0, 0.75]), 0.25)
        2
    """
    return int(pick(probabilities, uniform))
