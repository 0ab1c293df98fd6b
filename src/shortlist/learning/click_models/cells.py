"""EM for models whose examination depends on a *kind of place* alone: counts by (pair, kind) are sufficient.

One million lists of ten are ten million rows but seldom more than some hundred thousand cells, so that a step of EM
costs milliseconds whatever the length of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.learning.click_models.base import shares
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["Cells", "CellsFit"]


class CellsFit(NamedTuple):
    """Attraction ``(P + 1,)``, examination ``(K,)``, and the log posterior after each step."""

    attraction: Float64
    examination: Float64
    log_posterior: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """How often each pair was shown and clicked at each kind of place.

    Attributes:
        pair: int64 ``(C,)``.
        kind: int64 ``(C,)``, from 0.
        shown: float64 ``(C,)``.
        clicked: float64 ``(C,)``.
    """

    pair: Int64
    kind: Int64
    shown: Float64
    clicked: Float64

    @classmethod
    def of(cls, pair: Array, kind: Array, sessions: Sessions) -> Cells:
        """Count the places of ``sessions`` that hold something, by the two numbers given for each, ``(S, L)``."""
        held = sessions.held
        kinds = int(kind.max()) + 1
        cell = pair[held].astype(np.int64) * kinds + kind[held]
        n = (sessions.n_pairs + 1) * kinds
        shown = np.bincount(cell, minlength=n)
        clicked = np.bincount(cell[sessions.click[held]], minlength=n)
        met = np.flatnonzero(shown)
        return cls(met // kinds, met % kinds, shown[met].astype(np.float64), clicked[met].astype(np.float64))

    def fit(self, pairs: int, kinds: int, *, pseudo: float, steps: int, tolerance: float) -> CellsFit:
        """EM from attraction ½ and examination that falls evenly; see ``fit_pbm`` for the two steps."""
        a, e = np.full(pairs, 0.5), np.linspace(0.9, 0.5, kinds)
        passed = self.shown - self.clicked
        all_shown = np.bincount(self.kind, self.shown, kinds)
        all_clicked = np.bincount(self.pair, self.clicked, pairs)
        log_posterior: list[float] = []
        for _ in range(steps):
            both = a[self.pair] * e[self.kind]
            examined = self.clicked + passed * (e[self.kind] - both) / (1.0 - both)
            a = shares(all_clicked, np.bincount(self.pair, examined, pairs), pseudo=pseudo)
            e = shares(np.bincount(self.kind, examined, kinds), all_shown, pseudo=pseudo)
            log_posterior.append(self._log_posterior(a, e, pseudo))
            if len(log_posterior) > 1 and _settled(log_posterior, tolerance):
                break
        return CellsFit(a, e, np.array(log_posterior))

    def _log_posterior(self, a: Float64, e: Float64, pseudo: float) -> float:
        both = a[self.pair] * e[self.kind]
        fit = self.clicked @ np.log(both) + (self.shown - self.clicked) @ np.log1p(-both)
        prior = pseudo * sum(float(np.log(p).sum() + np.log1p(-p).sum()) for p in (a, e)) if pseudo else 0.0
        return float(fit + prior)


def _settled(log_posterior: list[float], tolerance: float) -> bool:
    gain = log_posterior[-1] - log_posterior[-2]
    return gain < tolerance * abs(log_posterior[-1])
