"""Swap interventions: what stands first changes places with what stands at place r, by a fair draw.

    γ_r / γ_1 = P(click at r) / P(click at 1)    over the lists that were drawn for the pair (1, r)

In such lists both places show the same mix of items, so that attraction cancels (Joachims, Swaminathan & Schnabel,
"Unbiased learning-to-rank with biased feedback", WSDM 2017, section 5; Wang et al., SIGIR 2016, RandPair).
"""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import DataError
from shortlist.learning.propensity.curve import ExaminationCurve

__all__ = ["curve_from_swaps"]


def curve_from_swaps(partner: Array, click_first: Array, click_partner: Array, *, places: int) -> ExaminationCurve:
    """The curve, with standard errors by the delta method over lists.

    Args:
        partner: int ``(N,)``, the place from 0 that each list drew to swap with place 0; half of them did swap, by a
            fair coin, and both halves belong here.
        click_first: 0 or 1 ``(N,)``, was place 0 clicked?
        click_partner: 0 or 1 ``(N,)``, was the partner's place clicked?
        places: L.

    Raises:
        DataError: lengths differ, or a partner is not a place below the first.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> partner = rng.integers(1, 3, 40_000)
        >>> first, other = rng.random(40_000) < 0.3, rng.random(40_000) < np.array([0.3, 0.15, 0.06])[partner]
        >>> curve_from_swaps(partner, first, other, places=3).examination.round(1).tolist()
        [1.0, 0.5, 0.2]
    """
    at = np.asarray(partner, dtype=np.int64)
    top, low = np.asarray(click_first, dtype=np.float64), np.asarray(click_partner, dtype=np.float64)
    if not len(at) == len(top) == len(low):
        raise DataError(
            f"{len(at)} partners, {len(top)} and {len(low)} clicks", where="swaps", fix="one of each a list"
        )
    if len(at) and not 1 <= at.min() <= at.max() < places:
        raise DataError(
            f"partners lie between {at.min()} and {at.max()}", where="swaps", fix=f"give places from 1 to {places - 1}"
        )
    curve, error = np.full(places, np.nan), np.full(places, np.nan)
    curve[0], error[0] = 1.0, 0.0
    for r in range(1, places):
        mine = at == r
        if top[mine].sum() > 0:
            curve[r], error[r] = _ratio(low[mine], top[mine])
    return ExaminationCurve(curve, error, "swap interventions")


def _ratio(above: Float64, below: Float64) -> tuple[float, float]:
    """Ratio of means and its standard error by the delta method."""
    ratio = float(above.mean() / below.mean())
    residual = above - ratio * below
    return ratio, float(residual.std(ddof=1) / np.sqrt(len(above)) / below.mean()) if len(above) > 1 else np.nan
