"""Histogram binning: the observed share of each bin."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.learning.calibration.calibrator import StoredCalibrator, checked_rows, inside

__all__ = ["HistogramCalibrator"]


class HistogramCalibrator(StoredCalibrator, frozen=True, tag="histogram", forbid_unknown_fields=True):
    """The share of positives among the rows of a bin (Zadrozny & Elkan, ICML 2001), bins of equal mass.

    Neighbouring bins whose shares fall are pooled, so that the map never reverses an order. Within a bin all rows
    become equal: it shows what was seen, and loses AUC; an auction should not be fed by it.

    Attributes:
        edges: the lowest model probability of each bin, rising.
        values: the calibrated probability of each bin.
    """

    edges: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def fit(
        cls, probability: Array, label: Array, *, weight: Array | None = None, bins: int = 20
    ) -> HistogramCalibrator:
        """Shares by bin; equal probabilities share a bin.

        Args:
            probability: ``(N,)`` in [0, 1].
            label: ``(N,)``, 0 or 1.
            weight: ``(N,)``, not negative.
            bins: at most so many.

        Raises:
            DataError: the labels are all alike.
        """
        p, y, w = checked_rows(probability, label, weight)
        level, of = np.unique(p, return_inverse=True)
        mass = np.bincount(of, weights=w)
        hits = np.bincount(of, weights=w * y)
        before = np.concatenate([[0.0], np.cumsum(mass)[:-1]])
        bin_ = np.floor(before * bins / mass.sum()).astype(np.int64)
        first = np.flatnonzero(np.diff(bin_, prepend=-1))
        pooled: list[tuple[float, float, float]] = []
        for edge, n, k in zip(level[first], np.add.reduceat(mass, first), np.add.reduceat(hits, first), strict=True):
            pooled.append((float(edge), float(n), float(k)))
            while len(pooled) > 1 and pooled[-2][2] * pooled[-1][1] >= pooled[-1][2] * pooled[-2][1]:
                (edge_, n_, k_), (_, n__, k__) = pooled[-2:]
                pooled[-2:] = [(edge_, n_ + n__, k_ + k__)]
        return cls(tuple(e for e, _, _ in pooled), tuple(inside(np.array([k / n for _, n, k in pooled])).tolist()))

    def calibrate(self, probability: Array) -> Float64:
        """Calibrated probabilities."""
        bin_ = np.searchsorted(self.edges, inside(probability), side="right") - 1
        return np.asarray(self.values)[np.maximum(bin_, 0)]
