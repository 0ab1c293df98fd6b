"""The dynamic Bayesian network model: a click may satisfy, and who is satisfied leaves; who is not may lose patience.

    γ = perseverance,    κ_r = γ (1 - s_i) after a click on pair i

Chapelle & Zhang, "A dynamic Bayesian network click model for web search ranking", WWW 2009. The relevance that it
estimates is ``a_i s_i``: to be clicked *and* to satisfy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.learning.click_models.base import shares
from shortlist.learning.click_models.chain import chain_examined, chain_examined_given_above, chain_posterior
from shortlist.learning.click_models.em import Counts, climb
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["DynamicModel", "fit_dbn"]


@dataclass(frozen=True, slots=True, eq=False)
class DynamicModel:
    """A fitted model.

    Attributes:
        attraction: a, float64 ``(P + 1,)``.
        satisfaction: s, float64 ``(P + 1,)``, P(satisfied | clicked).
        perseverance: γ.
        log_posterior: after each step of EM; it never falls.
    """

    attraction: Float64
    satisfaction: Float64
    perseverance: float
    log_posterior: Float64

    def _of(self, sessions: Sessions) -> tuple[Float64, Float64]:
        on_click = self.perseverance * (1.0 - self.satisfaction[sessions.shown])
        return self.attraction[sessions.shown], on_click

    def examined_given_above(self, sessions: Sessions) -> Float64:
        """See ``chain_examined_given_above``."""
        a, on_click = self._of(sessions)
        return chain_examined_given_above(a, on_click, self.perseverance, sessions.click)

    def examined(self, sessions: Sessions) -> Float64:
        """See ``chain_examined``."""
        a, on_click = self._of(sessions)
        return chain_examined(a, on_click, self.perseverance)


def fit_dbn(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200, tolerance: float = 1e-7
) -> DynamicModel:
    """EM over examination, satisfaction and patience.

    A click above another one did not satisfy. The last click satisfied with ``s / (s + (1 - s)(γ b + 1 - γ))``, b
    being the chance that nothing below would have been clicked. Satisfaction counts where a place follows.

    Args:
        sessions: to learn from.
        n_pairs: P, where it is more than was shown.
        pseudo: of the prior on every probability.
        steps: of EM at most.
        tolerance: relative gain of the log posterior at which EM ends.
    """
    n = (n_pairs or sessions.n_pairs) + 1
    counts = Counts(sessions, n, pseudo)
    follows = np.zeros_like(sessions.click)
    follows[:, :-1] = sessions.held[:, 1:]
    clicked = sessions.click & follows
    is_last = clicked & (np.arange(sessions.places) == sessions.last_click[:, None])
    decided = np.bincount(sessions.shown[clicked], minlength=n).astype(np.float64)

    def step(model: DynamicModel) -> DynamicModel:
        a, on_click = model._of(sessions)  # noqa: SLF001 - its own fit
        gamma = model.perseverance
        examined, below = chain_posterior(a, on_click, gamma, sessions)
        s = model.satisfaction[sessions.shown[is_last]]
        unmet = (1.0 - s) * (gamma * below[is_last] + 1.0 - gamma)
        satisfied = np.zeros_like(a)
        satisfied[is_last] = s / (s + unmet)
        next_seen = np.zeros_like(a)
        next_seen[:, :-1] = examined[:, 1:]
        could = (examined - satisfied)[follows].sum()
        met = np.bincount(sessions.shown[is_last], satisfied[is_last], n)
        return DynamicModel(
            counts.attraction(examined),
            shares(met, decided, pseudo=pseudo),
            float(shares(np.array(next_seen[follows].sum()), np.array(could), pseudo=pseudo)),
            model.log_posterior,
        )

    start = DynamicModel(counts.start, np.full(n, 0.5), 0.8, np.empty(0))
    found, path = climb(
        start,
        step,
        lambda m: (m.attraction, m.satisfaction, np.array([m.perseverance])),
        sessions,
        pseudo,
        steps,
        tolerance,
    )
    return DynamicModel(found.attraction, found.satisfaction, found.perseverance, path)
