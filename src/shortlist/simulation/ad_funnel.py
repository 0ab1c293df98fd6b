"""The other driver: the same market through the real stages and the real ledger, a page at a time.

Slow, because every click is a durable charge, and that is the point: what ``ad_driver`` says of millions of pages is
what the funnel would have done with them.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, CREATIVE, KEYWORD, PRICE, SLOT
from shortlist.core.counted_draws import counted_uniforms
from shortlist.simulation.ad_driver import AdPages, Shown
from shortlist.simulation.ad_world import AdWorld

__all__ = ["drive_funnel"]


def drive_funnel(world: AdWorld, pages: AdPages, *, seed: int) -> Shown:
    """Run the pages; a click of page p at slot s (from 0) is draw ``p K + s`` of the seed, as for ``ad_driver``."""
    slots = len(world.truth.slot_effects)
    shape = (len(pages), slots)
    campaign, creative, keyword, price, settled = np.zeros((5, *shape), dtype=np.int64)
    click = np.zeros(shape, dtype=np.bool_)
    campaigns = MappingProxyType({c.campaign: c for c in world.campaigns})
    draws = counted_uniforms(seed, np.arange(len(pages) * slots)).reshape(shape)
    with world.stages() as stages:
        for page in range(len(pages)):
            at_us = int(pages.at_us[page])
            shown = stages.run(
                world.requests(pages.asked[page : page + 1], pages.at_us[page : page + 1], np.array([page]))
            )
            at = shown[SLOT] - 1
            for column, values in (
                (campaign, shown[CAMPAIGN]),
                (creative, shown[CREATIVE]),
                (keyword, shown[KEYWORD]),
                (price, shown[PRICE]),
            ):
                column[page, at] = values
            click[page, at] = draws[page, at] < world.truth.slot_effects[at] * _p_click_1(world, pages, page, shown)
            for slot in np.flatnonzero(click[page]).tolist():
                charge = stages.ledger.charge(
                    campaigns[int(campaign[page, slot])],
                    impression=f"simulated-{page}-{slot}",
                    price=int(price[page, slot]),
                    at_us=at_us,
                )
                settled[page, slot] = charge.settled
    return Shown(campaign, creative, keyword, price, click, settled)


def _p_click_1(world: AdWorld, pages: AdPages, page: int, shown: Candidates) -> Float64:
    return world.p_click_1(np.full(len(shown), pages.asked[page]), shown)
