"""What each feature adds to one score, against another row that stands for the ordinary: Shapley values.

With f the score, x the row that is explained, b the one beside it, ``x_S`` with the features S of x and others of b:

    phi_g = mean over orders of the features of  f(x_{before g, and g}) - f(x_{before g}),    sum of phi_g = f(x) - f(b)

(Shapley 1953; Lundberg & Lee, NeurIPS 2017, with one background row.) A sum of log odds that says why this row is above
that one; what both rows share adds nothing. It tells what the *model* did, not what would happen to the user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Bool, Float64
from shortlist.core.randomness import Rng, generator

__all__ = ["Contribution", "shapley_values"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds.

    Attributes:
        feature: its name.
        meaning: one line.
        value: the row's, as text for people.
        beside: the other row's.
        log_odds: phi.
        error: standard error of phi from the orders that were drawn; 0 where phi is exact.
    """

    feature: str
    meaning: str
    value: str
    beside: str
    log_odds: float
    error: float


def shapley_values(
    score: Callable[[Bool], Float64], n: int, *, orders: int = 32, rng: Rng = 0
) -> tuple[Float64, Float64]:
    """Shapley values of any score, by orders drawn in pairs, each one and its reverse.

    Along each order the differences add up to ``f(x) - f(b)``, so that their means do, too, whatever the number of
    orders; drawing decides only how the sum is split. The reverse cancels the error of pairs of features that work
    together (Mitchell et al., JMLR 23, 2022, section 3.2). For a score that adds features up, one pair is exact.

    Args:
        score: from bool ``(M, n)``, which features are the row's own and not the other's, to f, float64 ``(M,)``.
        n: features.
        orders: pairs of orders.
        rng: of the orders.

    Returns:
        phi ``(n,)`` and its standard error ``(n,)``.

    Example:
        >>> both = lambda own: 3.0 * own[:, 0] + 2.0 * (own[:, 1] & own[:, 2])
        >>> shapley_values(both, 3, orders=4)[0].tolist()  # what two do together is split between them
        [3.0, 1.0, 1.0]
    """
    random = generator(rng)
    order = np.stack([random.permutation(n) for _ in range(orders)])
    order = np.stack([order, order[:, ::-1]], axis=1).reshape(2 * orders, n)
    place = np.argsort(order, axis=1)
    own = place[:, None, :] < np.arange(n + 1)[None, :, None]  # (order, how many, feature)
    f = score(own.reshape(-1, n)).reshape(2 * orders, n + 1)
    gain = np.take_along_axis(np.diff(f, axis=1), place, axis=1)
    pairs = gain.reshape(orders, 2, n).mean(axis=1)
    error = pairs.std(axis=0, ddof=1) / np.sqrt(orders) if orders > 1 else np.zeros(n)
    return pairs.mean(axis=0), np.asarray(error)
