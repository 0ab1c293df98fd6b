"""A sponsored page of this release, held just before its ads are weighed; and its sale, at any probabilities."""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, P_CLICK_1, PRICE, RESERVE, SLOT_EFFECT
from shortlist.core.errors import NotFound
from shortlist.core.request import Request, RequestBatch
from shortlist.funnel.engine import Engine
from shortlist.funnel.runner import Funnel
from shortlist.ranking.ad_click import AdClickScorer

__all__ = ["SLOTS", "Sale", "SoldPage", "request_for", "sell", "sponsored_funnel"]

SLOTS = 4
"""Sponsored slots that a page of the lesson has, where the release's slot effects go as far."""


class SoldPage(msgspec.Struct, frozen=True, kw_only=True):
    """The ads that may run for a query; one entry an ad.

    Attributes:
        query: what was typed.
        titles: of the items.
        campaign: keys.
        creative: keys.
        keyword: keys.
        bid: micros a click.
        reserve: micros a click.
        p_click_1: as the release's click model said it, calibrated.
    """

    query: str
    titles: tuple[str, ...]
    campaign: tuple[int, ...]
    creative: tuple[int, ...]
    keyword: tuple[int, ...]
    bid: tuple[int, ...]
    reserve: tuple[int, ...]
    p_click_1: tuple[float, ...]


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands where after an auction; one entry a slot from the top.

    Attributes:
        ad: number of the ad in the page.
        price: micros a click.
        effect: alpha of the slot.
    """

    ad: tuple[int, ...]
    price: tuple[int, ...]
    effect: tuple[float, ...]

    def worth(self, page: SoldPage) -> float:
        """``sum over slots of alpha_s p bid``, micros, by the calibrated p: what the page is worth to who bids."""
        return sum(a * page.p_click_1[n] * page.bid[n] for n, a in zip(self.ad, self.effect, strict=True))

    def paid(self, page: SoldPage) -> float:
        """``sum over slots of alpha_s p price``, micros, by the calibrated p."""
        return sum(a * page.p_click_1[n] * price for n, a, price in zip(self.ad, self.effect, self.price, strict=True))


def sponsored_funnel(engine: Engine) -> Funnel:
    """The funnel that sells ads.

    Raises:
        NotFound: the release sells none.
    """
    funnel = engine.search.sponsored
    if funnel is None:
        raise NotFound("this release has no model of ad clicks", where="ads", fix="train it with an ad log")
    return funnel


def request_for(query: str, at_us: int) -> RequestBatch:
    """A visitor nobody knows, who typed the query."""
    return RequestBatch.of(Request("lesson-5", k=10, at_us=at_us, query=query, sponsored_slots=SLOTS))


def sell(engine: Engine, page: SoldPage, probability: Float64) -> Sale:
    """Weigh and sell the page's ads by the engine's own stages, as if the click model had said ``probability``."""
    funnel = sponsored_funnel(engine)
    n = len(page.bid)
    number = np.arange(n, dtype=np.int64)
    candidates = Candidates.found(
        "lesson",
        np.array([0, n]),
        number,  # stands for the item, so that the winners can be told
        np.zeros(n),
        {
            CAMPAIGN: np.array(page.campaign, dtype=np.int64),
            CREATIVE: np.array(page.creative, dtype=np.int64),
            KEYWORD: np.array(page.keyword, dtype=np.int64),
            BID: np.array(page.bid, dtype=np.int64),
            RESERVE: np.array(page.reserve, dtype=np.int64),
            P_CLICK_1: probability,
        },
    )
    batch = request_for(page.query, 0)
    for stage in funnel.scorers:
        if stage.component.name != AdClickScorer.name:
            candidates = candidates.with_columns(stage.component.score(batch, candidates))
    shown = funnel.selector.component.select(batch, candidates)
    return Sale(
        ad=tuple(shown.item.tolist()),
        price=tuple(shown[PRICE].tolist()),
        effect=tuple(shown[SLOT_EFFECT].tolist()),
    )
