"""Models in which a user reads from the top and, after each place, goes on or leaves: cascade, DCM and DBN.

    E_1 = 1,    P(E_{r+1} = 1 | E_r = 1, no click) = γ,    P(E_{r+1} = 1 | E_r = 1, click) = κ_r,    C_r = E_r A_r

They differ in γ and κ alone. Down to the last click all is known to be examined; below it, one sum from the bottom
says how likely "no click any more" is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Bool, Float64
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["ChainPosterior", "chain_examined", "chain_examined_given_above", "chain_posterior"]


class ChainPosterior(NamedTuple):
    """What the clicks say of the unseen, float64 ``(S, L)`` each.

    Attributes:
        examined: P(E_r = 1 | all clicks).
        silent_below: P(no click at the places below r | E_{r+1} = 1), 1 at a list's end.
    """

    examined: Float64
    silent_below: Float64


def chain_examined_given_above(a: Float64, on_click: Float64, on_none: float, click: Bool) -> Float64:
    """P(E_r = 1 | c_1 .. c_{r-1}), float64 ``(S, L)``.

    Args:
        a: attraction of what stands at each place, ``(S, L)``.
        on_click: κ of each place, ``(S, L)``.
        on_none: γ.
        click: ``(S, L)``.
    """
    e = np.ones_like(a)
    for r in range(a.shape[1] - 1):
        still = e[:, r] * (1.0 - a[:, r])
        silent = still + (1.0 - e[:, r])
        after_none = np.divide(still, silent, out=np.zeros_like(still), where=silent > 0) * on_none
        e[:, r + 1] = np.where(click[:, r], on_click[:, r], after_none)
    return e


def chain_examined(a: Float64, on_click: Float64, on_none: float) -> Float64:
    """P(E_r = 1), the clicks not being known, float64 ``(S, L)``; arguments as above."""
    e = np.ones_like(a)
    for r in range(a.shape[1] - 1):
        e[:, r + 1] = e[:, r] * (a[:, r] * on_click[:, r] + (1.0 - a[:, r]) * on_none)
    return e


def chain_posterior(a: Float64, on_click: Float64, on_none: float, sessions: Sessions) -> ChainPosterior:
    """The posterior of examination; arguments as above.

    With ``b_r`` = P(no click at r and below | E_r = 1) ``= (1 - a_r)(γ b_{r+1} + 1 - γ)`` below the last click l,
    ``P(E_{l+1} | clicks) = κ_l b_{l+1} / (κ_l b_{l+1} + 1 - κ_l)`` and ``P(E_{r+1} | E_r, clicks) = γ b_{r+1} /
    (γ b_{r+1} + 1 - γ)`` from there on.
    """
    n, places = a.shape
    held, last = sessions.held, sessions.last_click
    below = np.ones((n, places))
    b = np.ones(n)
    for r in range(places - 1, -1, -1):
        below[:, r] = b
        b = np.where(held[:, r], (1.0 - a[:, r]) * (on_none * b + 1.0 - on_none), 1.0)
    examined = np.ones((n, places))
    for r in range(places - 1):
        go = np.where(r == last, on_click[:, r], on_none)
        onward = go * below[:, r]
        reach = np.divide(onward, onward + 1.0 - go, out=np.zeros(n), where=onward > 0)
        examined[:, r + 1] = np.where(r < last, 1.0, examined[:, r] * reach)
    return ChainPosterior(examined * held, below)
