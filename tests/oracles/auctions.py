"""Readable twins of the auctions, in exact arithmetic and plain loops."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from math import ceil


def gsp(weight, bid, reserve, slots):
    """GSP from its definition: winners and prices a click, in exact fractions.

    The price is the least whole bid with which the winner's score is not below the next one's, at least the reserve.
    """
    ads = [
        (Fraction(float(w)) * int(b), -i, i)
        for i, (w, b, r) in enumerate(zip(weight, bid, reserve, strict=True))
        if b >= r and w > 0
    ]
    ads.sort(reverse=True)
    winners, prices = [], []
    for place in range(min(slots, len(ads))):
        me = ads[place][2]
        below = ads[place + 1][0] if place + 1 < len(ads) else Fraction(0)
        price = max(ceil(below / Fraction(float(weight[me]))), int(reserve[me]))
        winners.append(me)
        prices.append(min(price, int(bid[me])))
    return winners, prices


def welfare(value, effects, order):
    """Value of an allocation: ``order[s]`` stands in slot ``s``."""
    return sum(effects[s] * value[i] for s, i in enumerate(order))


def vcg_payments(value, effects):
    """What each winner takes from the others, by trying every allocation."""
    n, k = len(value), len(effects)

    def best(bidders):
        return max(
            (permutations(bidders, min(k, len(bidders)))),
            key=lambda order: welfare(value, effects, order),
        )

    chosen = best(range(n))
    total = welfare(value, effects, chosen)
    payments = []
    for slot, me in enumerate(chosen):
        without = welfare(value, effects, best([i for i in range(n) if i != me]))
        payments.append(without - (total - effects[slot] * value[me]))
    return list(chosen), payments
