"""A ranker as many begin: the click rate of each candidate in its context, places ignored or accounted for."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.training.list_log import ListLog
from shortlist.training.position_clicks import fit_position_clicks

__all__ = ["click_rates"]

_PRIOR = 5.0
"""Showings that the mean rate counts for beside a candidate's own."""
_LEAST = 0.05


def click_rates(log: ListLog, *, contexts: int, candidates: int, weigh_places: bool) -> Float64:
    """``(sum of click / e + 5 mean) / (showings + 5)``, float64 ``(G, n)``, above 0.

    Args:
        log: lists with clicks.
        contexts: G.
        candidates: n.
        weigh_places: e is the examination of the place, by the position-based model of the same log and at least 0.05
            (Joachims, Swaminathan & Schnabel, WSDM 2017); otherwise e is 1, and what stood high looks good.
    """
    pairs = contexts * candidates
    pair = (log.context[:, None] * candidates + log.shown).ravel()
    examination = np.ones(log.shown.shape[1])
    if weigh_places:
        examination = fit_position_clicks(log, contexts=contexts, candidates=candidates).examination
    reward = log.click / np.maximum(examination, _LEAST)
    total = np.bincount(pair, reward.ravel(), pairs) + _PRIOR * reward.mean()
    rate: Float64 = (total / (np.bincount(pair, minlength=pairs) + _PRIOR)).reshape(contexts, candidates)
    return np.maximum(rate, 1e-9)
