"""The position-based model: examination depends on the place alone.

    P(c = 1 | pair i at place r) = γ_r a_i

Richardson, Dominowska & Ragno, WWW 2007; Craswell et al., WSDM 2008. The two factors are told apart by pairs that
were shown at several places; their scale is not: ``γ_1`` is set to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.learning.click_models.cells import Cells
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["PositionModel", "fit_pbm"]


@dataclass(frozen=True, slots=True, eq=False)
class PositionModel:
    """A fitted model.

    Attributes:
        attraction: a, float64 ``(P + 1,)``.
        examination: γ, float64 ``(L,)``, 1 at the first place.
        log_posterior: after each step of EM, float64 ``(T,)``; it never falls.
    """

    attraction: Float64
    examination: Float64
    log_posterior: Float64

    def examined_given_above(self, sessions: Sessions) -> Float64:
        """γ_r, whatever was clicked."""
        return np.broadcast_to(self.examination[: sessions.places], sessions.shown.shape).astype(np.float64)

    def examined(self, sessions: Sessions) -> Float64:
        """γ_r."""
        return self.examined_given_above(sessions)


def fit_pbm(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200, tolerance: float = 1e-7
) -> PositionModel:
    """EM over cells of (pair, place): their counts are all that the likelihood depends on.

    E-step: ``P(examined | no click) = γ (1 - a) / (1 - γ a)``. M-step: a pair's clicks over its expected examinations
    and a place's expected examinations over its showings, with a prior of ``pseudo`` clicks and as many non-clicks.

    Args:
        sessions: to learn from.
        n_pairs: P, where it is more than was shown.
        pseudo: of the prior on every probability.
        steps: of EM at most.
        tolerance: relative gain of the log posterior at which EM ends.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> shown = rng.permuted(np.tile(np.arange(1, 4), (20_000, 1)), axis=1)
        >>> a, examined = np.array([0.0, 0.2, 0.4, 0.6]), np.array([1.0, 0.6, 0.3])
        >>> model = fit_pbm(Sessions.of(shown, rng.random(shown.shape) < a[shown] * examined))
        >>> model.examination.round(1).tolist()
        [1.0, 0.6, 0.3]
    """
    cells = Cells.of(sessions.shown, np.broadcast_to(np.arange(sessions.places), sessions.shown.shape), sessions)
    pairs = (n_pairs or sessions.n_pairs) + 1
    fitted = cells.fit(pairs, sessions.places, pseudo=pseudo, steps=steps, tolerance=tolerance)
    top = fitted.examination[0]
    attraction = np.minimum(fitted.attraction * top, 1.0)
    return PositionModel(attraction, fitted.examination / top, fitted.log_posterior)
