"""Overlap: how much of the log speaks about the target policy, and when it is too little to say anything.

An estimate from a handful of heavy rows has a small standard error exactly when it is wrong, for the rows that would
have shown the error are those that are missing. So the weights are judged before the estimate is shown, and where they
do not suffice the answer is an ``Abstention`` with its reason.
"""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError

__all__ = ["Abstention", "Overlap", "OverlapRule", "overlap"]


class Abstention(msgspec.Struct, frozen=True):
    """There is no estimate.

    Attributes:
        reason: in words, with the figure that decided.
    """

    reason: str


class Overlap(msgspec.Struct, frozen=True):
    """Diagnostics; of lists the worst place.

    Attributes:
        rows: N.
        effective_rows: ``(Σ w)² / Σ w²``, what the rows are worth (Kish, 1965).
        effective_rewards: the same of ``w r``: how many rewarded rows carry the estimate.
        largest_share: of one row in the sum of the weights.
        mean_weight: 1 in expectation where the propensities are those of the log.
        mean_weight_z: how many standard errors it lies from 1.
        unsupported: share of what the target shows that the log's policy never shows; NaN where it was not told.
    """

    rows: int
    effective_rows: float
    effective_rewards: float
    largest_share: float
    mean_weight: float
    mean_weight_z: float
    unsupported: float


class OverlapRule(msgspec.Struct, frozen=True):
    """When to abstain.

    Attributes:
        effective_rows: fewer are too few.
        effective_rewards: fewer are too few: a rate from ten events has a standard error of a third of itself.
        largest_share: more on one row is too much.
        unsupported: a larger share is too large.
        mean_weight_z: further from 1 says that the propensities are not those of the log.
        users: fewer are too few, where pages belong to users: an interval by user rests on how they differ.
    """

    effective_rows: float = 100.0
    effective_rewards: float = 10.0
    largest_share: float = 0.05
    unsupported: float = 0.01
    mean_weight_z: float = 5.0
    users: int = 10

    def judge_users(self, users: int) -> Abstention | None:
        """Why so few users allow no estimate, however many their pages; None where they do."""
        if users < self.users:
            return Abstention(f"the log is of {users} users (at least {self.users}), which no interval can rest on")
        return None

    def judge(self, seen: Overlap) -> Abstention | None:
        """Why there can be no estimate; None where there can."""
        if seen.unsupported > self.unsupported:
            return Abstention(
                f"{seen.unsupported:.1%} of what the policy shows was never shown by the log's policy "
                f"(at most {self.unsupported:.1%})"
            )
        if seen.effective_rows < self.effective_rows:
            return Abstention(
                f"{seen.rows:,} rows are worth {seen.effective_rows:.1f} (at least {self.effective_rows:g})"
            )
        if seen.effective_rewards < self.effective_rewards:
            return Abstention(
                f"the rewards of {seen.effective_rewards:.1f} rows carry the estimate "
                f"(at least {self.effective_rewards:g})"
            )
        if seen.largest_share > self.largest_share:
            return Abstention(f"one row has {seen.largest_share:.0%} of all weight (at most {self.largest_share:.0%})")
        if abs(seen.mean_weight_z) > self.mean_weight_z:
            return Abstention(
                f"the mean weight is {seen.mean_weight:.3f}, {abs(seen.mean_weight_z):.1f} standard errors from 1: "
                "the propensities are not those of this log"
            )
        return None


def overlap(weight: Array, reward: Array, *, unsupported: float = float("nan")) -> Overlap:
    """Diagnose weights and rewards, ``(N,)`` or ``(N, L)``.

    Args:
        weight: w.
        reward: r; lists are judged by the place whose weights are worth the fewest rows.
        unsupported: share of the target's showings that the log's policy has no chance for.

    Raises:
        DataError: there are no rows.

    Example:
        >>> seen = overlap(np.array([1.0, 1.0, 1.0, 97.0]), np.ones(4))
        >>> round(seen.effective_rows, 2), round(seen.largest_share, 2)
        (1.06, 0.97)
    """
    if not len(weight):
        raise DataError("there are no rows", where="overlap", fix="give at least one")
    w, r = (np.asarray(a, dtype=np.float64).reshape(len(weight), -1) for a in (weight, reward))
    rows = _worth(w)
    worst = int(np.argmin(rows))
    column = w[:, worst]
    total, mean = float(column.sum()), float(column.mean())
    error = float(column.std(ddof=1) / np.sqrt(len(column))) if len(column) > 1 else float("inf")
    return Overlap(
        rows=len(w),
        effective_rows=float(rows[worst]),
        effective_rewards=float(_worth((w * r).sum(axis=1)[:, None])[0]),
        largest_share=float(column.max() / total) if total > 0.0 else 1.0,
        mean_weight=mean,
        mean_weight_z=(mean - 1.0) / error if error > 0.0 else (0.0 if abs(mean - 1.0) < 1e-9 else float("inf")),
        unsupported=unsupported,
    )


def _worth(w: Float64) -> Float64:
    squares = (w**2).sum(axis=0)
    worth: Float64 = np.divide(w.sum(axis=0) ** 2, squares, out=np.zeros(w.shape[1]), where=squares > 0.0)
    return worth
