"""``Estimate``: a value with what every row did to it, so that intervals, ratios and differences come from one place.

An estimator that is asymptotically linear is ``v + mean of psi_n`` for influence values with mean 0 (Hampel, JASA 69,
1974); its variance is that of the psi, summed within clusters first where rows of one user belong together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.evaluation.bootstrap import Interval

__all__ = ["Estimate", "lift"]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What a policy would have earned a row (a request, a page).

    Attributes:
        method: in words, for reports.
        value: the estimate.
        influence: float64 ``(N,)``, psi; their mean is 0 up to rounding.
    """

    method: str
    value: float
    influence: Float64

    def standard_error(self, cluster: Array | None = None) -> float:
        """Of the value; rows of one cluster may depend on each other.

        Args:
            cluster: ``(N,)``, for example the user of each row; None for independent rows.
        """
        if cluster is not None:
            return self.clustered(np.unique(np.asarray(cluster), return_inverse=True)[1]).standard_error()
        n = len(self.influence)
        return float(np.sqrt((self.influence**2).sum() / (n * (n - 1.0)))) if n > 1 else float("inf")

    def clustered(self, of: Int64) -> Estimate:
        """The same estimate with clusters for rows: ``psi_g = G / N times the sum of psi over g's rows``.

        Args:
            of: int64 ``(N,)``, the cluster of each row, from 0, each with a row.

        Example:
            >>> each = Estimate("a", 1.0, np.array([1.0, 2.0, -1.0, -2.0]))
            >>> each.clustered(np.array([0, 0, 1, 1])).influence.tolist()
            [1.5, -1.5]
        """
        sums: Float64 = np.bincount(of, self.influence).astype(np.float64)
        return Estimate(self.method, self.value, sums * (len(sums) / len(of)))

    def interval(self, cluster: Array | None = None, *, level: float = 0.95) -> Interval:
        """Student's interval of the influence values, with one degree of freedom less than there are rows or clusters.

        Of few clusters a normal one is too short: of 6, about 1.96 standard errors where Student asks for 2.57.

        Example:
            >>> found = Estimate("a", 1.0, np.array([1.0, -1.0, 0.5, -0.5, 0.0, 0.0])).interval()
            >>> round(found.low, 3), round(found.high, 3)
            (0.258, 1.742)
        """
        error = self.standard_error(cluster)
        n = len(self.influence) if cluster is None else len(np.unique(cluster))
        t = float(stdtrit(max(1, n - 1), 0.5 + level / 2.0))
        return Interval(self.value, self.value - t * error, self.value + t * error, level, n)


def lift(target: Estimate, control: Estimate) -> Estimate:
    """``v_target / v_control - 1`` on the same rows, by the delta method; what they share cancels.

    ``psi = (psi_target - (v_target / v_control) psi_control) / v_control``.

    Raises:
        DataError: the rows differ, or the control earned nothing.

    Example:
        >>> better = Estimate("a", 3.0, np.array([1.0, -1.0]))
        >>> round(lift(better, Estimate("b", 2.0, np.array([0.5, -0.5]))).value, 3)
        0.5
    """
    if target.influence.shape != control.influence.shape or control.value == 0.0:
        raise DataError(
            f"{len(target.influence)} and {len(control.influence)} rows, the control earned {control.value}",
            where="lift",
            fix="estimate both on the same rows, of a control that earns something",
        )
    ratio = target.value / control.value
    influence = (target.influence - ratio * control.influence) / control.value
    return Estimate(f"lift by {target.method}", ratio - 1.0, influence)
