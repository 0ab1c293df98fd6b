"""The dependent click model: one reads on until a click, and then goes on with a chance that depends on the place.

    γ = 1, κ_r = λ_r

Guo, Liu & Wang, WSDM 2009. There the places below the last click are taken for unseen; here EM weighs both readings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.learning.click_models.base import shares
from shortlist.learning.click_models.chain import chain_examined, chain_examined_given_above, chain_posterior
from shortlist.learning.click_models.em import Counts, climb
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["DependentModel", "fit_dcm"]


@dataclass(frozen=True, slots=True, eq=False)
class DependentModel:
    """A fitted model.

    Attributes:
        attraction: a, float64 ``(P + 1,)``.
        goes_on: λ, float64 ``(L - 1,)``, P(the next place is examined | click at this one).
        log_posterior: after each step of EM; it never falls.
    """

    attraction: Float64
    goes_on: Float64
    log_posterior: Float64

    def _of(self, sessions: Sessions) -> tuple[Float64, Float64]:
        on_click = np.append(self.goes_on, 0.0)[: sessions.places]
        return self.attraction[sessions.shown], np.broadcast_to(on_click, sessions.shown.shape)

    def examined_given_above(self, sessions: Sessions) -> Float64:
        """See ``chain_examined_given_above``."""
        a, on_click = self._of(sessions)
        return chain_examined_given_above(a, on_click, 1.0, sessions.click)

    def examined(self, sessions: Sessions) -> Float64:
        """See ``chain_examined``."""
        a, on_click = self._of(sessions)
        return chain_examined(a, on_click, 1.0)


def fit_dcm(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200, tolerance: float = 1e-7
) -> DependentModel:
    """EM; ``λ_r`` is the share of clicks at r after which the next place was examined.

    Args:
        sessions: to learn from.
        n_pairs: P, where it is more than was shown.
        pseudo: of the prior on every probability.
        steps: of EM at most.
        tolerance: relative gain of the log posterior at which EM ends.
    """
    counts = Counts(sessions, (n_pairs or sessions.n_pairs) + 1, pseudo)
    followed = sessions.click[:, :-1] & sessions.held[:, 1:]
    of = followed.sum(axis=0).astype(np.float64)

    def step(model: DependentModel) -> DependentModel:
        a, on_click = model._of(sessions)  # noqa: SLF001 - its own fit
        examined = chain_posterior(a, on_click, 1.0, sessions).examined
        went_on = (examined[:, 1:] * followed).sum(axis=0)
        return DependentModel(counts.attraction(examined), shares(went_on, of, pseudo=pseudo), model.log_posterior)

    start = DependentModel(counts.start, np.full(sessions.places - 1, 0.5), np.empty(0))
    found, path = climb(start, step, lambda m: (m.attraction, m.goes_on), sessions, pseudo, steps, tolerance)
    return DependentModel(found.attraction, found.goes_on, path)
