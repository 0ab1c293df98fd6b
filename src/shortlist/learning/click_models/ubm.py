"""The user browsing model: examination depends on the place and on how far above it the last click was.

    P(c_r = 1 | clicks above) = γ_{r, d} a_i,    d = r - (place of the last click above), or "none above"

Dupret & Piwowarski, SIGIR 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.click_models.cells import Cells
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["BrowsingModel", "fit_ubm"]


@dataclass(frozen=True, slots=True, eq=False)
class BrowsingModel:
    """A fitted model.

    Attributes:
        attraction: a, float64 ``(P + 1,)``.
        examination: γ, float64 ``(L, L + 1)``; ``[r, d]`` for place r from 0 and a last click d places above,
            ``d = r + 1`` being none. 1 at ``[0, 1]``. NaN where d cannot be.
        log_posterior: after each step of EM; it never falls.
    """

    attraction: Float64
    examination: Float64
    log_posterior: Float64

    def examined_given_above(self, sessions: Sessions) -> Float64:
        """γ of the place and its distance."""
        e: Float64 = self.examination[np.arange(sessions.places), sessions.previous_click]
        return e

    def examined(self, sessions: Sessions) -> Float64:
        """Summed over where the last click may lie: ``(S, L + 1)`` probabilities are carried from place to place."""
        a, n = self.attraction[sessions.shown], sessions.places
        last = np.zeros((len(sessions), n + 1))  # [:, 0] none yet, [:, q + 1] at place q
        last[:, 0] = 1.0
        e = np.empty((len(sessions), n))
        for r in range(n):
            distance = np.concatenate([[r + 1], r - np.arange(r)])
            by_last = self.examination[r, distance]
            e[:, r] = last[:, : r + 1] @ by_last
            click = last[:, : r + 1] * by_last * a[:, r, None]
            last[:, : r + 1] -= click
            last[:, r + 1] = click.sum(axis=1)
        return e


def fit_ubm(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200, tolerance: float = 1e-7
) -> BrowsingModel:
    """EM as in ``fit_pbm``, over cells of (pair, place and distance).

    Args:
        sessions: to learn from.
        n_pairs: P, where it is more than was shown.
        pseudo: of the prior on every probability.
        steps: of EM at most.
        tolerance: relative gain of the log posterior at which EM ends.
    """
    n = sessions.places
    kind: Int64 = np.arange(n) * (n + 1) + sessions.previous_click
    pairs = (n_pairs or sessions.n_pairs) + 1
    cells = Cells.of(sessions.shown, kind, sessions)
    fitted = cells.fit(pairs, n * (n + 1), pseudo=pseudo, steps=steps, tolerance=tolerance)
    top = fitted.examination[1]
    possible = (np.arange(n + 1) >= 1) & (np.arange(n + 1) <= np.arange(n)[:, None] + 1)
    examination = np.where(possible, fitted.examination.reshape(n, n + 1) / top, np.nan)
    return BrowsingModel(np.minimum(fitted.attraction * top, 1.0), examination, fitted.log_posterior)
