"""What the fits by EM over whole sessions share: counting clicks over examinations, and climbing until it is flat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.learning.click_models.base import ClickModel, log_likelihood, shares
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["Counts", "climb"]

M = TypeVar("M", bound=ClickModel)


class Counts:
    """Clicks of each pair, and the attraction that follows from expected examinations.

    Args:
        sessions: to learn from.
        n: P + 1.
        pseudo: of the prior.
    """

    def __init__(self, sessions: Sessions, n: int, pseudo: float) -> None:
        self._shown, self._held = sessions.shown, sessions.held
        self._pseudo, self._n = pseudo, n
        self._won = np.bincount(sessions.shown[sessions.click], minlength=n).astype(np.float64)

    @property
    def start(self) -> Float64:
        """½ for every pair."""
        return np.full(self._n, 0.5)

    def attraction(self, examined: Float64) -> Float64:
        """``a_i`` = clicks of i / expected examinations of i, with the prior: float64 ``(P + 1,)``."""
        of = np.bincount(self._shown[self._held], examined[self._held], self._n)
        return shares(self._won, of, pseudo=self._pseudo)


def climb(
    start: M,
    step: Callable[[M], M],
    probabilities: Callable[[M], tuple[Float64, ...]],
    sessions: Sessions,
    pseudo: float,
    steps: int,
    tolerance: float,
) -> tuple[M, Float64]:
    """Repeat ``step`` until the log posterior gains less than its ``tolerance``th part.

    Args:
        start: the first model.
        step: one step of EM.
        probabilities: those of a model that the prior is on.
        sessions: that the likelihood is of.
        pseudo: of the prior: ``pseudo (log p + log(1 - p))`` a probability.
        steps: at most.
        tolerance: relative.

    Returns:
        The last model, and the log posterior after each step, float64 ``(T,)``.
    """
    model, path = start, [-np.inf]
    for _ in range(steps):
        model = step(model)
        prior = sum(float((np.log(p) + np.log1p(-p)).sum()) for p in probabilities(model)) if pseudo else 0.0
        path.append(float(log_likelihood(model, sessions).sum()) + pseudo * prior)
        if path[-1] - path[-2] < tolerance * abs(path[-1]):
            break
    return model, np.array(path[1:])
