"""The losses of a training, pass by pass: a small table to keep and to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

__all__ = ["LearningCurve"]


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Losses by pass.

    Attributes:
        training: the mean loss over the pass's steps, each before its step, with whatever is dropped dropped.
        validation: on later rows, after the pass.

    Example:
        >>> curve = LearningCurve((0.70, 0.60, 0.50), (0.65, 0.62, 0.64))
        >>> curve.best, curve.overfit
        (2, True)
    """

    training: tuple[float, ...]
    validation: tuple[float, ...]

    @property
    def best(self) -> int:
        """The pass with the lowest validation loss, from 1; the first of equals, 0 where there was none."""
        return self.validation.index(min(self.validation)) + 1 if self.validation else 0

    @property
    def overfit(self) -> bool:
        """Did the training loss fall on after the validation loss was at its lowest?"""
        return 0 < self.best < len(self.training) and self.training[-1] < self.training[self.best - 1]

    def table(self) -> pl.DataFrame:
        """Columns ``pass``, ``training``, ``validation``."""
        return pl.DataFrame(
            {"pass": range(1, len(self.training) + 1), "training": self.training, "validation": self.validation},
            schema={"pass": pl.Int64, "training": pl.Float64, "validation": pl.Float64},
        )

    def save(self, path: Path) -> None:
        """Write the table as CSV."""
        self.table().write_csv(path)
