"""The position-based click model of a log of lists, its attractions held near their mean where little was seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.learning.click_models.pbm import fit_pbm
from shortlist.learning.click_models.sessions import Sessions
from shortlist.training.list_log import ListLog

__all__ = ["PositionClicks", "fit_position_clicks"]

_SHRINK = 5.0
"""Examinations that the mean attraction counts for beside a candidate's own."""


class PositionClicks(NamedTuple):
    """P(click on candidate i of context g at place r) = examination_r attraction_gi.

    Attributes:
        examination: float64 ``(L,)``, 1 at the first place.
        attraction: float64 ``(G, n)``.
    """

    examination: Float64
    attraction: Float64


def fit_position_clicks(log: ListLog, *, contexts: int, candidates: int) -> PositionClicks:
    """Fit by EM (``click_models.pbm``), then shrink: ``(e a + 5 mean) / (e + 5)`` with e the expected examinations."""
    pairs = contexts * candidates
    pair = log.context[:, None] * candidates + log.shown
    model = fit_pbm(Sessions.of(pair + 1, log.click), n_pairs=pairs, steps=50)
    seen = np.bincount(pair.ravel(), np.broadcast_to(model.examination, pair.shape).ravel(), pairs)
    a = model.attraction[1:]
    mean = float(seen @ a / seen.sum())
    shrunk = (seen * a + _SHRINK * mean) / (seen + _SHRINK)
    return PositionClicks(model.examination, shrunk.reshape(contexts, candidates))
