"""How far probabilities are from the frequencies they promise: two errors, in two norms.

The *expected calibration error* (ECE) is the mean of the bins' distances. It is biased upward: even a perfect model's
bins miss by chance. The *debiased calibration error* is a signed root mean square, not an ECE: the mean of the bins'
squared distances, less the variance that chance explains in each (Kumar, Liang & Ma, Verified Uncertainty Calibration,
NeurIPS 2019, section 4.2), and the root of that with its sign. Its square is 0 on average for a perfect model; rows of
one user may depend on each other, and then chance explains more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.bootstrap import Interval, resample

__all__ = [
    "chance_calibration_error",
    "debiased_calibration_error",
    "debiased_calibration_interval",
    "equal_mass_bins",
    "expected_calibration_error",
    "paired_calibration_interval",
]


def equal_mass_bins(probability: Array, bins: int) -> Int64:
    """The bin of each row, int64 ``(N,)`` from 0: bins of equal size by probability; equal ones share a bin.

    Raises:
        DataError: there are no rows, or a probability is not in [0, 1].

    Example:
        >>> equal_mass_bins(np.array([0.1, 0.9, 0.5, 0.5]), 2).tolist()
        [0, 1, 0, 0]
    """
    p = np.asarray(probability, dtype=np.float64)
    outside = np.flatnonzero(~((p >= 0.0) & (p <= 1.0)))
    if not len(p) or len(outside):
        what = f"{p[outside[0]]} is not a probability" if len(outside) else "there are no rows"
        raise DataError(what, where="probability", fix="give numbers from 0 to 1")
    below = np.searchsorted(np.sort(p), p, side="left")
    return (below * bins) // len(p)


def expected_calibration_error(probability: Array, label: Array, *, bins: int = 15) -> float:
    """Plain ECE with equal-mass bins: ``sum over bins b of (n_b / n) |mean p_b - mean y_b|``.

    Naeini, Cooper & Hauskrecht, AAAI 2015; equal mass as in Nixon et al., CVPR workshops 2019. Biased upward, by about
    ``sqrt(2 p (1 - p) bins / (pi n))`` (``chance_calibration_error``): use it to compare with what others report.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
        bins: how many.

    Example:
        >>> round(expected_calibration_error(np.array([0.25, 0.25, 0.25, 0.25]), np.array([1, 0, 0, 1])), 3)
        0.25
    """
    cells, _ = _part(probability, label, np.zeros(len(np.asarray(label))), bins)
    return float(np.abs(cells.miss).sum() / cells.rows.sum())


def chance_calibration_error(probability: Array, *, bins: int = 15) -> float:
    """The plain ECE that these probabilities would show if they were right: its bias, by chance alone.

    In a bin, ``sum of (y - p)`` is then nearly normal with variance ``v_b = sum of p (1 - p)``, so its mean size is
    ``sqrt(2 v_b / pi)``, and ``E[ECE] = sum over bins b of sqrt(2 v_b / pi) / n``. Rows are taken to be independent.

    Args:
        probability: ``(N,)`` in [0, 1].
        bins: how many.

    Example:
        >>> round(chance_calibration_error(np.full(10_000, 0.1), bins=1), 5)  # sqrt(2 · 0.09 / (3.1416 · 10,000))
        0.00239
    """
    p = np.asarray(probability, dtype=np.float64)
    variance = np.bincount(equal_mass_bins(p, bins), weights=p * (1.0 - p))
    return float(np.sqrt(2.0 * variance / np.pi).sum() / len(p))


def debiased_calibration_error(
    probability: Array, label: Array, *, cluster: Array | None = None, bins: int = 15
) -> float:
    """Signed root mean square calibration error, debiased, with equal-mass bins; it is not an ECE.

    ``E = sum over bins b of (n_b / n) (d_b^2 - s_b^2)``, with ``d_b`` the mean of ``y - p`` in the bin and ``s_b^2``
    the estimated variance of ``d_b``; the result is ``sign(E) sqrt(|E|)``. Below 0 means less error than chance alone
    would show: calibrated, as far as these rows can tell.

    ``s_b^2`` is estimated from how the clusters of a bin differ: ``sum over c of w_c^2 (d_bc - d_b)^2 / (1 - W)``, with
    ``w_c`` a cluster's share of the bin's rows and ``W = sum of w_c^2``; unbiased for independent rows of one variance,
    however unlike the clusters' sizes are. A bin that is worth fewer than two clusters (``1 / W < 2``, Kish 1965: one
    user's rows, or nearly so) has no such differences; there ``s_b^2 = sum of p (1 - p) / n_b^2``, the variance under
    a calibrated model with independent rows.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
        cluster: ``(N,)``, whom each row belongs to; without it rows are taken to be independent.
        bins: how many.
    """
    whose = np.arange(len(np.asarray(label))) if cluster is None else cluster
    found = _moments(*_part(probability, label, whose, bins))
    return _signed_root(found.error)


def debiased_calibration_interval(
    probability: Array,
    label: Array,
    cluster: Array,
    *,
    rng: Rng,
    within: Array | None = None,
    bins: int = 15,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """``debiased_calibration_error`` with a bootstrap interval over clusters.

    A draw of clusters adds its own chance to every bin's gap; so each draw is debiased twice, once for the draw and
    once for the rows it was drawn from. The bins stay those of the rows as they are. A bin worth fewer than two
    clusters would not vary between draws: its gap gets a normal deviate of variance ``s_b^2`` instead.

    Near 0 the interval is wider than it need be, never narrower. The square of a gap ``g`` varies by ``4 g^2 s^2 +
    2 s^4``; draws take the gap that was seen for the true one, whose square is ``s^2`` larger on average, and vary by
    ``4 g^2 s^2 + 6 s^4``: for a calibrated model that is an interval ``sqrt(3)`` times too wide.

    Args:
        probability: ``(N,)`` in [0, 1].
        label: ``(N,)``, 0 or 1.
        cluster: ``(N,)``, whom each row belongs to.
        rng: a generator or a seed.
        within: ``(N,)``, such as the day: each has bins of its own, so that one that is too high and one that is too
            low do not look right together.
        bins: how many.
        draws: bootstrap draws.
        level: of the interval.
    """
    part = _part(probability, label, cluster, bins, within)
    found = _moments(*part)
    low, high = _ends(_drawn_errors([part], generator(rng), draws)[:, 0], level)
    return Interval(_signed_root(found.error), low, high, level, n_clusters=len(np.unique(cluster)))


def paired_calibration_interval(
    a: Array,
    b: Array,
    label: Array,
    cluster: Array,
    *,
    rng: Rng,
    within: Array | None = None,
    bins: int = 15,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """How much more two systems' calibration errs, over S trainings: above 0, ``a`` errs more than ``b``.

    ``sign(D) sqrt(|D|)`` with ``D`` the mean over trainings of ``E(a_s) - E(b_s)``, ``E`` the debiased mean square of
    ``debiased_calibration_error``. Squares are subtracted, not their roots: a square is right on average, a root near 0
    is not. Users are drawn with replacement, the same for all, so that what both miss alike, such as a day with fewer
    clicks, cancels as far as it is alike. Where both are nearly calibrated the interval is up to ``sqrt(3)`` times too
    wide, see ``debiased_calibration_interval``.

    Args:
        a: ``(S, N)`` probabilities of one system, a row a training (seed).
        b: ``(S', N)`` of the other.
        label: ``(N,)``, 0 or 1.
        cluster: ``(N,)``, whom each row belongs to.
        rng: a generator or a seed.
        within: ``(N,)``, such as the day: each has bins of its own.
        bins: how many.
        draws: bootstrap draws.
        level: of the interval.

    Example:
        >>> label, user = np.array([1, 0, 1, 0] * 25), np.arange(100)
        >>> found = paired_calibration_interval(np.full((1, 100), 0.9), np.full((1, 100), 0.5), label, user, rng=0)
        >>> round(found.estimate, 2), found.low > 0.0
        (0.4, True)
    """
    sides = [np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (a, b)]
    parts = [_part(one, label, cluster, bins, within) for side in sides for one in side]
    share = np.repeat([1.0 / len(sides[0]), -1.0 / len(sides[1])], [len(side) for side in sides])
    found = float(share @ [_moments(*part).error for part in parts])
    low, high = _ends(_drawn_errors(parts, generator(rng), draws) @ share, level)
    return Interval(_signed_root(found), low, high, level, n_clusters=len(np.unique(cluster)))


def _drawn_errors(parts: Sequence[tuple[_Cells, int]], random: np.random.Generator, draws: int) -> Float64:
    """``E`` of each part in draws of clusters, debiased twice, float64 ``(draws, parts)``."""
    sums = np.hstack([cells.sums(bins) for cells, bins in parts])
    drawn = resample(sums, rng=random, draws=draws)
    errors = np.empty((draws, len(parts)))
    first = 0
    for k, (cells, bins) in enumerate(parts):
        found = _moments(cells, bins)
        miss, n = drawn[:, first : first + bins], drawn[:, first + bins : first + 2 * bins]
        gap = np.divide(miss, n, out=np.zeros_like(n), where=n > 0)
        deviate = random.standard_normal(n.shape) * np.sqrt(found.variance)
        gap = np.where(found.lone, found.gap + deviate, gap)
        errors[:, k] = ((gap**2 - 2.0 * found.variance) * n).sum(axis=1) / n.sum(axis=1)
        first += 2 * bins
    return errors


def _ends(error: Float64, level: float) -> tuple[float, float]:
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(error, [tail, 1.0 - tail])
    return _signed_root(float(low)), _signed_root(float(high))


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Sums over the rows that share a cluster and a bin; all of one length, one entry a cell that has rows."""

    cluster: Int64
    bin: Int64
    miss: Float64
    rows: Float64
    expected_variance: Float64
    """Sum of ``p (1 - p)``: the variance of ``miss`` if the rows were independent and ``p`` right."""

    def sums(self, bins: int) -> Float64:
        """What the bins miss by, and their rows, of each cluster: ``(clusters, 2 · bins)``."""
        sums = np.zeros((int(self.cluster.max()) + 1, 2 * bins))
        sums[self.cluster, self.bin] = self.miss
        sums[self.cluster, bins + self.bin] = self.rows
        return sums


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """What a bin misses by and how much of that is chance; ``(bins,)`` each.

    Attributes:
        gap: ``d_b``, 0 in an empty bin.
        weight: ``n_b / n``.
        variance: ``s_b^2``, of ``gap``.
        lone: the bin is worth fewer than two clusters.
    """

    gap: Float64
    weight: Float64
    variance: Float64
    lone: Bool

    @property
    def error(self) -> float:
        """``E``, the debiased mean square."""
        return float((self.weight * (self.gap**2 - self.variance)).sum())


def _part(
    probability: Array, label: Array, cluster: Array, bins: int, within: Array | None = None
) -> tuple[_Cells, int]:
    """The cells, and how many bins there are in all."""
    p = np.asarray(probability, dtype=np.float64)
    y = np.asarray(label, dtype=np.float64)
    whose, place = (
        np.unique(np.asarray(names), return_inverse=True)[1].reshape(-1)
        for names in (cluster, np.zeros(len(p)) if within is None else within)
    )
    places = int(place.max(initial=0)) + 1
    bin_of, in_all = place * bins, places * bins
    for k in range(places):
        bin_of[place == k] += equal_mass_bins(p[place == k], bins)
    cell, index = np.unique(whose * in_all + bin_of, return_inverse=True)
    cells = _Cells(
        cluster=cell // in_all,
        bin=cell % in_all,
        miss=np.bincount(index.reshape(-1), weights=y - p).astype(np.float64),
        rows=np.bincount(index.reshape(-1)).astype(np.float64),
        expected_variance=np.bincount(index.reshape(-1), weights=p * (1.0 - p)).astype(np.float64),
    )
    return cells, in_all


def _moments(cells: _Cells, bins: int) -> _Moments:
    def in_bins(values: Float64) -> Float64:
        return np.bincount(cells.bin, weights=values, minlength=bins).astype(np.float64)

    n = in_bins(cells.rows)
    present = np.maximum(n, 1.0)
    gap = in_bins(cells.miss) / present
    concentration = in_bins(cells.rows**2) / present**2
    lone = concentration > 0.5
    spread = in_bins((cells.miss - gap[cells.bin] * cells.rows) ** 2) / np.where(lone, 1.0, 1.0 - concentration)
    chance = np.where(lone, in_bins(cells.expected_variance), spread)
    return _Moments(gap=gap, weight=n / n.sum(), variance=chance / present**2, lone=lone)


def _signed_root(square: float) -> float:
    return math.copysign(math.sqrt(abs(square)), square)
