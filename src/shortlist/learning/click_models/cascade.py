"""The cascade model: one reads from the top and stops at the first click.

    γ = 1, κ = 0:    P(click at r) = a_r · product over q < r of (1 - a_q)

Craswell, Zoeter, Taylor & Ramsey, WSDM 2008. It explains at most one click a list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.errors import DataError
from shortlist.learning.click_models.base import shares
from shortlist.learning.click_models.chain import chain_examined, chain_examined_given_above
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["CascadeModel", "fit_cascade"]


@dataclass(frozen=True, slots=True, eq=False)
class CascadeModel:
    """A fitted model: its attraction, float64 ``(P + 1,)``, is all there is."""

    attraction: Float64

    def examined_given_above(self, sessions: Sessions) -> Float64:
        """1 down to the first click, 0 below."""
        a = self.attraction[sessions.shown]
        return chain_examined_given_above(a, np.zeros_like(a), 1.0, sessions.click)

    def examined(self, sessions: Sessions) -> Float64:
        """The product of ``1 - a`` above."""
        a = self.attraction[sessions.shown]
        return chain_examined(a, np.zeros_like(a), 1.0)


def fit_cascade(sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1) -> CascadeModel:
    """Maximum a posteriori in closed form: clicks over examinations.

    Args:
        sessions: to learn from.
        n_pairs: P, where it is more than was shown.
        pseudo: clicks, and as many non-clicks, of the prior.

    Raises:
        DataError: a list has several clicks.

    Example:
        >>> fit_cascade(Sessions.of([[1, 2], [2, 1]], [[0, 1], [0, 0]]), pseudo=0.0).attraction.tolist()
        [0.5, 0.0, 0.5]
    """
    many = int((sessions.click.sum(axis=1) > 1).sum())
    if many:
        raise DataError(
            f"{many} of {len(sessions)} lists have several clicks",
            where="cascade model",
            fix="keep each list's first click, or fit a model that allows more (DCM, DBN, UBM)",
        )
    first = np.where(sessions.last_click < 0, sessions.places, sessions.last_click)
    examined = (np.arange(sessions.places) <= first[:, None]) & sessions.held
    n = (n_pairs or sessions.n_pairs) + 1
    won = np.bincount(sessions.shown[sessions.click], minlength=n).astype(np.float64)
    of = np.bincount(sessions.shown[examined], minlength=n).astype(np.float64)
    return CascadeModel(shares(won, of, pseudo=pseudo))
