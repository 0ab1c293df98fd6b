"""From selected rows to the slots of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shortlist.core.campaign import MATCH_CODES, Campaign
from shortlist.core.candidates import Candidates
from shortlist.core.columns import (
    AUCTION_SCORE,
    BID,
    CAMPAIGN,
    CREATIVE,
    KEYWORD,
    MATCH_TYPE,
    P_CLICK_1,
    PRICE,
    QUALITY,
    RESERVE,
    SELECTION_PROPENSITY,
    SLOT,
    SLOT_EFFECT,
    Column,
)
from shortlist.core.counted_draws import counted_uniform
from shortlist.core.page import ShownAd, ShownItem
from shortlist.core.request import Request
from shortlist.funnel.explain import values_of

__all__ = ["is_sampled", "shown_ads", "shown_items"]

_OF_NO_SLOT = np.uint64(1 << 32)
"""Number of the draw that decides whether a page is sampled; its slots draw the numbers from 0."""
_MATCH_NAMES = {code: name for name, code in MATCH_CODES.items()}
_NOT_SCORES: frozenset[Column[Any]] = frozenset({SLOT, SELECTION_PROPENSITY})


def shown_items(shown: Candidates) -> tuple[ShownItem, ...]:
    """The organic slots of one request."""
    slots, items, chances = shown[SLOT].tolist(), shown.item.tolist(), shown[SELECTION_PROPENSITY].tolist()
    return tuple(
        ShownItem(
            slot=slots[row],
            item=items[row],
            sources=shown.sources_of(row),
            selection_propensity=chances[row],
            scores=scores,
        )
        for row, scores in enumerate(values_of(shown, without=_NOT_SCORES))
    )


def shown_ads(shown: Candidates, campaign_of: Callable[[int], Campaign]) -> tuple[ShownAd, ...]:
    """The sponsored slots of one request.

    Args:
        shown: the auction's winners in the order of their slots.
        campaign_of: the campaign of a key.
    """
    campaigns = [campaign_of(key) for key in shown[CAMPAIGN].tolist()]
    return tuple(
        ShownAd(
            slot=int(shown[SLOT][row]),
            item=int(shown.item[row]),
            campaign=campaign.campaign,
            currency=campaign.currency,
            simulated=campaign.simulated,
            creative=int(shown[CREATIVE][row]),
            keyword=int(shown[KEYWORD][row]),
            match_type=_MATCH_NAMES[int(shown[MATCH_TYPE][row])],
            bid=int(shown[BID][row]),
            reserve=int(shown[RESERVE][row]),
            quality=float(shown[QUALITY][row]),
            p_click_1=float(shown[P_CLICK_1][row]),
            slot_effect=float(shown[SLOT_EFFECT][row]),
            auction_score=float(shown[AUCTION_SCORE][row]),
            price=int(shown[PRICE][row]),
            selection_propensity=float(shown[SELECTION_PROPENSITY][row]),
        )
        for row, campaign in enumerate(campaigns)
    )


def is_sampled(request: Request, rate: float) -> bool:
    """Whether this page's whole scored candidate set is logged; decided by its draw key, apart from its slots' draws.

    Example:
        >>> request = Request("r", k=1, at_us=0, draw_key=11)
        >>> is_sampled(request, 0.0), is_sampled(request, 1.0)
        (False, True)
    """
    return bool(counted_uniform(np.uint64(request.draw_key), _OF_NO_SLOT) < rate)
