"""What simulated advertisers truly want: a value a click, conversions, a target cost. Their bids are all that shows.

A campaign values a conversion at v; a click is worth ``p v`` with p the campaign's chance that a click converts. It
bids a share of that: ``bid = (1 - shade) p v`` for its mean keyword. The target cost of a conversion is a share of v,
for bidders that are told one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.core.campaign import Campaign
from shortlist.core.randomness import Rng, generator

__all__ = ["AdvertiserValues"]


@dataclass(frozen=True, slots=True, eq=False)
class AdvertiserValues:
    """By campaign key, 0 where there is no such campaign; money in micros.

    Attributes:
        click_value: int64, what a click is worth on average; never below the mean bid.
        p_convert: float64, chance that a click converts.
        conversion_value: int64, v.
        target_cost: int64, the most a conversion may cost on average.
    """

    click_value: Int64
    p_convert: Float64
    conversion_value: Int64
    target_cost: Int64

    @classmethod
    def draw(cls, campaigns: Sequence[Campaign], *, rng: Rng = 0) -> AdvertiserValues:
        """Values behind the bids: shades are uniform on [0, 0.4], p Beta(2, 30), targets 70 to 100% of v."""
        random = generator(rng)
        keys = np.array([c.campaign for c in campaigns], dtype=np.int64)
        bids = np.array([np.mean([k.bid for k in c.keywords]) for c in campaigns], dtype=np.float64)
        worth = bids / (1.0 - 0.4 * random.random(len(keys)))
        converts = random.beta(2.0, 30.0, len(keys))
        target = (0.7 + 0.3 * random.random(len(keys))) * worth / converts

        def by_key(values: Float64) -> Float64:
            table = np.zeros(int(keys.max(initial=-1)) + 1)
            table[keys] = values
            return table

        return cls(
            click_value=np.ceil(by_key(worth)).astype(np.int64),
            p_convert=by_key(converts),
            conversion_value=np.ceil(by_key(worth / converts)).astype(np.int64),
            target_cost=np.floor(by_key(target)).astype(np.int64),
        )
