"""The generalized second price auction: pay, a click, the least that would have kept your place."""

from __future__ import annotations

import numpy as np

from shortlist.auction.slots import checked_slot_effects
from shortlist.core.arrays import Array, Int64
from shortlist.core.money import price_micros
from shortlist.core.stages import Outcome

__all__ = ["GeneralizedSecondPrice"]


class GeneralizedSecondPrice:
    """GSP with quality weights and bid reserves (Edelman, Ostrovsky & Schwarz, AER 97, 2007; Varian, IJIO 25, 2007).

    Ads with ``bid_i >= reserve_i`` and a positive weight stand in the order of their scores ``s_i = w_i b_i``. The ad
    in slot i pays the score price ``P_i = max(s_{i+1}, w_i reserve_i)``, which is a click price of::

        p_i = min(b_i, ceil(P_i / w_i)) = min(b_i, max(ceil(s_{i+1} / w_i), reserve_i))      micros

    with ``s_{i+1} = 0`` behind the last ad. The first ad that got no slot sets the price of the last slot. Equal
    scores keep the order in which the ads were given. Slot effects do not enter a GSP price; they decide how many
    slots there are.

    Example:
        Values 10, 4 and 2 units, bid truthfully; two slots. The second bid sets the first price, the third the second.

        >>> outcome = GeneralizedSecondPrice().run(
        ...     weight=np.ones(3),
        ...     bid=np.array([10_000_000, 4_000_000, 2_000_000]),
        ...     reserve=np.zeros(3, dtype=np.int64),
        ...     slot_effects=np.array([1.0, 0.5]),
        ... )
        >>> outcome.winner.tolist(), outcome.price.tolist()
        ([0, 1], [4000000, 2000000])
    """

    name = "gsp"

    def run(self, *, weight: Array, bid: Int64, reserve: Int64, slot_effects: Array) -> Outcome:
        """One auction; see ``core.stages.Mechanism`` for the shapes.

        Raises:
            ShortlistError: the slot effects rise or do not start with 1.
        """
        slots = len(checked_slot_effects(slot_effects))
        takes_part = np.flatnonzero((bid >= reserve) & (weight > 0.0) & np.isfinite(weight))
        score = weight[takes_part] * bid[takes_part]
        order = np.argsort(-score, kind="stable")
        winner = takes_part[order[:slots]]
        behind = np.zeros(len(winner))
        runners_up = score[order[1 : slots + 1]]
        behind[: len(runners_up)] = runners_up
        to_keep_the_slot = price_micros(behind / weight[winner], bid[winner])
        return Outcome(winner=winner, price=np.maximum(to_keep_the_slot, reserve[winner]))
