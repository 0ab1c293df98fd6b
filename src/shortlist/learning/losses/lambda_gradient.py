"""LambdaRank's gradient in NumPy, pair by pair: what swapping two items would change, and the force that follows.

The readable twin of ``lambda_rank``; it needs no torch, so a page can show it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Float64

__all__ = ["LambdaGradient", "lambda_gradient"]


@dataclass(frozen=True, slots=True, eq=False)
class LambdaGradient:
    """One list's forces. All pairs are ``(n, n)``, from the more relevant item (row) to the less relevant (column).

    Attributes:
        ndcg: of the order by score.
        swap: ``|NDCG after swapping i and j - NDCG|``; 0 where i is not the more relevant.
        disagreement: ``1 / (1 + exp(s_i - s_j))``, the chance that RankNet gives to the wrong order.
        gradient: ``(n,)``, of the loss by each score; below 0 pushes the item up.
    """

    ndcg: float
    swap: Float64
    disagreement: Float64
    gradient: Float64


def lambda_gradient(score: Array, label: Array, *, k: int | None = None) -> LambdaGradient:
    """The lambdas of one list (Burges, MSR-TR-2010-82, section 4).

        lambda_i = sum over more relevant j of swap_ji disagreement_ji
                 - sum over less relevant j of swap_ij disagreement_ij

    Args:
        score: ``(n,)``; equal scores stand in the order given.
        label: ``(n,)``, grades from 0; the gain is ``2^grade - 1``.
        k: NDCG@k in place of NDCG.

    Example:
        Two items in the wrong order: each is pushed by half of what the swap is worth (1 - 1 / log2(3)), for at equal
        scores the chance of either order is a half.

        >>> found = lambda_gradient(np.array([0.0, 0.0]), np.array([0, 1]))
        >>> found.swap[1, 0].round(6).item(), found.gradient.round(6).tolist()
        (0.36907, [0.184535, -0.184535])
    """
    s, y = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    n = len(s)
    gain = np.exp2(y) - 1.0
    by_rank = 1.0 / np.log2(np.arange(n) + 2.0)
    by_rank[n if k is None else k :] = 0.0
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(-s, kind="stable")] = np.arange(n)
    discount = by_rank[rank]
    ideal = float(np.sort(gain)[::-1] @ by_rank)
    worth = 1.0 / ideal if ideal > 0.0 else 0.0
    more = y[:, None] > y[None, :]
    swap = np.where(more, np.abs(np.subtract.outer(gain, gain) * np.subtract.outer(discount, discount)) * worth, 0.0)
    disagreement = np.exp(-np.logaddexp(0.0, np.subtract.outer(s, s)))
    force = swap * disagreement
    return LambdaGradient(
        ndcg=float(gain @ discount) * worth,
        swap=swap,
        disagreement=disagreement,
        gradient=force.sum(axis=0) - force.sum(axis=1),
    )
