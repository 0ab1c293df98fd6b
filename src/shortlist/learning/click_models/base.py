"""What every click model says: how likely a click is, given the clicks above it, and without knowing them."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["ClickModel", "log_likelihood", "perplexity", "shares"]


class ClickModel(Protocol):
    """A fitted model."""

    @property
    def attraction(self) -> Float64:
        """a, float64 ``(P + 1,)``, P(click | examined) of each pair; row 0 is "unknown pair"."""
        ...

    def examined_given_above(self, sessions: Sessions) -> Float64:
        """P(place r is examined | the clicks above it), float64 ``(S, L)``."""
        ...

    def examined(self, sessions: Sessions) -> Float64:
        """P(place r is examined), the clicks not being known, float64 ``(S, L)``."""
        ...


def log_likelihood(model: ClickModel, sessions: Sessions) -> Float64:
    """``sum over r of log P(c_r | c_1 .. c_{r-1})``, float64 ``(S,)``, by ``P(click) = P(examined) a``.

    The complement is ``1 - e a = (1 - a) + a (1 - e)``, so that nothing cancels where both are near 1.
    """
    e, a = model.examined_given_above(sessions), model.attraction[sessions.shown]
    click = np.log(np.maximum(e * a, np.finfo(np.float64).tiny))
    none = np.log(np.maximum((1.0 - a) + a * (1.0 - e), np.finfo(np.float64).tiny))
    total: Float64 = (np.where(sessions.click, click, none) * sessions.held).sum(axis=1)
    return total


def perplexity(model: ClickModel, sessions: Sessions) -> Float64:
    """``2 ** -(mean over sessions of log2 P(c_r))`` of each place, float64 ``(L,)``; 1 is perfect, 2 a coin.

    Of the unconditional P(c_r), as is usual (Dupret & Piwowarski, SIGIR 2008; Chuklin, Markov & de Rijke, Click
    Models for Web Search, 2015, section 5.2). NaN at places where nothing was shown.
    """
    p = np.clip(model.examined(sessions) * model.attraction[sessions.shown], 1e-12, 1.0 - 1e-12)
    bits = np.where(sessions.click, np.log2(p), np.log2(1.0 - p)) * sessions.held
    n = sessions.held.sum(axis=0)
    mean = np.divide(bits.sum(axis=0), n, out=np.full(sessions.places, np.nan), where=n > 0)
    return np.asarray(2.0**-mean, dtype=np.float64)


def shares(won: Array, of: Array, *, pseudo: float) -> Float64:
    """``(won + pseudo) / (of + 2 pseudo)``: the mode under a Beta(1 + pseudo, 1 + pseudo) prior.

    Without a prior and without a case the answer is ½.
    """
    whole = of + 2.0 * pseudo
    share: Float64 = np.divide(won + pseudo, whole, out=np.full(np.shape(of), 0.5), where=whole > 0)
    return share
