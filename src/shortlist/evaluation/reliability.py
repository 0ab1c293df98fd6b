"""The reliability table: what was predicted and what happened, a bin of equal size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from shortlist.core.arrays import Array
from shortlist.evaluation.bootstrap import cluster_sums
from shortlist.evaluation.calibration import equal_mass_bins

__all__ = ["ReliabilityBin", "reliability_table"]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows whose probabilities are neighbours.

    Attributes:
        n: how many rows.
        lowest: their lowest probability.
        highest: their highest probability.
        predicted: their mean probability.
        observed: the share of them that happened.
        low: lower end of the interval for the true share.
        high: upper end of the interval for the true share.
    """

    n: int
    lowest: float
    highest: float
    predicted: float
    observed: float
    low: float
    high: float

    @property
    def agrees(self) -> bool:
        """Does the interval hold what was predicted?"""
        return self.low <= self.predicted <= self.high


def reliability_table(
    probability: Array, label: Array, *, cluster: Array | None = None, bins: int = 10, level: float = 0.95
) -> tuple[ReliabilityBin, ...]:
    """Predicted and observed in bins of equal size (deciles by default), lowest first; empty bins are left out.

    The interval is Wilson's score interval (JASA 22, 1927), on the number of independent rows that the clustered rows
    are worth: ``n`` over the design effect (Kish, Survey Sampling, 1965), which is taken to be at least 1.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
        cluster: ``(N,)``, whom each row belongs to; without it rows are taken to be independent.
        bins: how many.
        level: of the intervals.

    Example:
        >>> table = reliability_table(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1]), bins=2)
        >>> [(row.n, row.predicted, row.observed) for row in table]
        [(2, 0.2, 0.0), (2, 0.8, 1.0)]
    """
    p = np.asarray(probability, dtype=np.float64)
    y = np.asarray(label, dtype=np.float64)
    bin_ = equal_mass_bins(p, bins)
    table = []
    for b in np.unique(bin_):
        rows = bin_ == b
        n, observed = int(rows.sum()), float(y[rows].mean())
        effect = 1.0 if cluster is None else _design_effect(y[rows], np.asarray(cluster)[rows])
        low, high = _wilson(observed, n / effect, level)
        table.append(
            ReliabilityBin(
                n=n,
                lowest=float(p[rows].min()),
                highest=float(p[rows].max()),
                predicted=float(p[rows].mean()),
                observed=observed,
                low=low,
                high=high,
            )
        )
    return tuple(table)


def _design_effect(y: Array, cluster: Array) -> float:
    """How many times larger the variance of the mean is than for as many independent rows; at least 1."""
    observed = float(y.mean())
    independent = observed * (1.0 - observed) / len(y)
    sums = cluster_sums(np.column_stack([y - observed]), cluster)[:, 0]
    if independent == 0.0 or len(sums) < 2:
        return len(y) / len(sums)
    clustered = float((sums**2).sum()) / len(y) ** 2 * len(sums) / (len(sums) - 1)
    return max(1.0, clustered / independent)


def _wilson(share: float, n: float, level: float) -> tuple[float, float]:
    z = float(ndtri(0.5 + level / 2.0))
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    half = z / (1.0 + z * z / n) * float(np.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)
