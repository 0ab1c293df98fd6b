"""The baselines that every probability must beat: one rate for all rows, and a rate an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import ReleaseError
from shortlist.training.examples import Examples

__all__ = ["RateBaselines"]

_PRIOR = 20.0
_FILE = "rates.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class RateBaselines:
    """Rates of positives among the ranker's and the calibrator's rows: all that is known before the test window.

    Attributes:
        constant: positives over rows, thinned negatives counted in full.
        item: float64 ``(V + 1,)``, ``(positives + 20 constant) / (rows + 20)`` of each item's row.
    """

    constant: float
    item: Float64

    @classmethod
    def fit(cls, examples: Sequence[Examples], n_rows: int) -> RateBaselines:
        """Count; a negative that was kept with chance r stands for 1 / r of them."""
        row: Int64 = np.concatenate([part.rows.row for part in examples])
        label = np.concatenate([part.label for part in examples])
        weight = np.concatenate([np.where(part.label, 1.0, 1.0 / part.negative_rate) for part in examples])
        constant = float(np.average(label, weights=weight))
        positives = np.bincount(row[label], minlength=n_rows)
        rows = np.bincount(row, weights=weight, minlength=n_rows)
        return cls(constant, (positives + _PRIOR * constant) / (rows + _PRIOR))

    def save(self, folder: Path) -> None:
        """Write ``rates.safetensors``."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"constant": np.array([self.constant]), "item": self.item}, folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> RateBaselines:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file is missing or torn.
        """
        try:
            held = load_file(folder / _FILE)
            return cls(float(held["constant"][0]), held["item"])
        except (OSError, SafetensorError, KeyError):
            raise ReleaseError(
                "the base rates cannot be read", where=str(folder / _FILE), fix="train a new release"
            ) from None
