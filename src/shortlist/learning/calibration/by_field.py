"""Calibration a field: an advertiser on a surface gets its own shift of the log odds, as far as its rows can tell."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError, ReleaseError
from shortlist.learning.calibration.calibrator import StoredCalibrator, checked_rows, inside, logit, sigmoid

__all__ = ["FieldCalibrator", "FieldShifts", "load_field_calibrator"]


class FieldCalibrator(StoredCalibrator, frozen=True, tag="field", forbid_unknown_fields=True):
    """``sigmoid(logit(p) + shift of the row's cell)``, cells with few rows shrunk to no shift at all.

    A model of all rows mistakes some cells (an advertiser's page loads slowly, a surface has another layout), and an
    auction pays for it. A cell's own rows alone would be noise, so its shift is a random effect (empirical Bayes)::

        y ~ Bernoulli(sigmoid(logit p + d_c)),    d_c ~ Normal(0, t^2)
        d_c = argmax of  sum over the cell's rows of log P(y | d)  -  d^2 / (2 t^2)

    With the cell's information ``v_c = sum of p (1 - p)`` and miss ``m_c = sum of (y - p)`` this is, to first order,
    ``d_c = m_c / (v_c + 1 / t^2)``: a cell of information ``1 / t^2`` moves half of the way. Where a row could only
    come true with chance ``a`` beside (an ad at slot s is looked at with chance alpha_s), ``P(y) = a p`` and

        v_c = sum of a p (1 - p)^2 / (1 - a p),    m_c = sum of (y - a p) (1 - p) / (1 - a p)

    ``t^2`` is the moment
    estimate of DerSimonian & Laird (Controlled Clinical Trials 7, 1986) from the cells' own first-order shifts
    ``m_c / v_c``, and 0 where they differ by no more than chance. A cell never seen gets no shift.

    ``p`` should come from a calibrator of all rows, since the mean of the shifts is held at 0.

    Attributes:
        cells: the keys of each cell, rising.
        shifts: of the log odds, one a cell.
        spread: t.
    """

    cells: tuple[tuple[int, ...], ...]
    shifts: tuple[float, ...]
    spread: float

    @classmethod
    def fit(cls, probability: Array, label: Array, fields: Int64, *, exposure: Array | float = 1.0) -> FieldCalibrator:
        """Spread by moments, then each cell's shift by Newton's method.

        Args:
            probability: ``(N,)`` in [0, 1], calibrated as a whole.
            label: ``(N,)``, 0 or 1.
            fields: int64 ``(N, F)``, for example advertiser and surface.
            exposure: a, ``(N,)`` in (0, 1], such as the slot effect where each ad stood.

        Raises:
            DataError: the labels are all alike, there is not a row of fields each, or an exposure is out of range.
        """
        p, y, _ = checked_rows(probability, label, None)
        if fields.ndim != 2 or len(fields) != len(p):
            raise DataError(f"fields are {fields.shape}", where="FieldCalibrator", fix="give (rows, fields)")
        a = np.broadcast_to(np.asarray(exposure, dtype=np.float64), p.shape)
        if not ((a > 0.0) & (a <= 1.0)).all():
            raise DataError("an exposure is not in (0, 1]", where="FieldCalibrator", fix="give slot effects")
        cells, cell = np.unique(fields, axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        n_cells = len(cells)
        miss, information = _score(p, y, a, cell, n_cells)
        variance = _spread(miss, information)
        shift = np.zeros(n_cells)
        if variance > 0.0:
            z = logit(p)
            for _ in range(50):
                slope, curve = _score(sigmoid(z + shift[cell]), y, a, cell, n_cells)
                step = (slope - shift / variance) / (curve + 1.0 / variance)
                shift += np.clip(step, -1.0, 1.0)
                if np.abs(step).max() < 1e-9:
                    break
        keys = tuple(tuple(int(key) for key in row) for row in cells.tolist())
        return cls(keys, tuple(shift.tolist()), float(np.sqrt(variance)))

    def calibrate(self, probability: Array, fields: Int64) -> Float64:
        """Calibrated probabilities in (0, 1), ``(N,)``.

        Args:
            probability: ``(N,)``.
            fields: int64 ``(N, F)``, as they were fitted.
        """
        return FieldShifts(self).calibrate(probability, fields)


class FieldShifts:
    """The shifts of a calibrator, ready to be looked up on the request path.

    Args:
        calibrator: fitted.
    """

    def __init__(self, calibrator: FieldCalibrator) -> None:
        self._shift = dict(zip(calibrator.cells, calibrator.shifts, strict=True))

    def calibrate(self, probability: Array, fields: Int64) -> Float64:
        """See ``FieldCalibrator.calibrate``."""
        if not self._shift:
            return inside(probability)
        found = [self._shift.get(tuple(cell), 0.0) for cell in fields.tolist()]
        return inside(sigmoid(logit(inside(probability)) + np.array(found)))


def load_field_calibrator(path: Path) -> FieldCalibrator:
    """Read what ``save`` wrote.

    Raises:
        ReleaseError: the file is missing or is not such a calibrator.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=FieldCalibrator)
    except (OSError, msgspec.MsgspecError) as error:
        raise ReleaseError(
            f"the calibrator cannot be read: {error}", where=str(path), fix="train a new release"
        ) from None
    if len(found.cells) != len(found.shifts):
        raise ReleaseError("cells and shifts differ in number", where=str(path), fix="train a new release")
    return found


def _score(p: Float64, y: Float64, a: Float64, cell: Int64, n_cells: int) -> tuple[Float64, Float64]:
    """Slope and expected curvature of each cell's log-likelihood in its shift, where the shift is 0."""
    left = (1.0 - p) / (1.0 - a * p)
    slope, curve = (
        np.bincount(cell, weights=rows, minlength=n_cells).astype(np.float64)
        for rows in ((y - a * p) * left, a * p * (1.0 - p) * left)
    )
    return slope, curve


def _spread(miss: Float64, information: Float64) -> float:
    """DerSimonian & Laird's estimate of the variance between cells."""
    mean = miss.sum() / information.sum()
    q = float((information * (miss / information - mean) ** 2).sum())
    scale = float(information.sum() - (information**2).sum() / information.sum())
    return max(0.0, (q - (len(miss) - 1)) / scale) if scale > 0.0 else 0.0
