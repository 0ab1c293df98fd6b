"""``ListPolicy``: a slot softmax over fixed candidates, with every chance that an estimate from its log needs.

Slot after slot one of the candidates that are left is drawn with chance ``w_i / sum of w of those left``, ``w =
exp(score / T)`` (``reranking.slot_softmax``). The chance of the next item depends on the *set* above it, not on its
order, so that a sum over sets gives the chance that item i stands at place r (``item_at_place``) exactly: 2^n sets
instead of n! orders. Up to 16 candidates; Monte Carlo beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator

__all__ = ["MOST_CANDIDATES", "ListPolicy"]

MOST_CANDIDATES = 16
"""For the exact sums; 65,536 sets a context."""


@dataclass(frozen=True, slots=True, eq=False)
class ListPolicy:
    """Lists of ``L`` places for ``G`` contexts with ``n`` candidates each.

    Attributes:
        weight: float64 ``(G, n)``, w, above 0; the largest of a context is 1.
        places: L, at most n.

    Example:
        >>> policy = ListPolicy.softmax(np.log([[3.0, 1.0]]), temperature=1.0, places=2)
        >>> policy.item_at_place().round(3).tolist()
        [[[0.75, 0.25], [0.25, 0.75]]]
    """

    weight: Float64
    places: int

    @classmethod
    def softmax(cls, score: Array, *, temperature: float, places: int) -> ListPolicy:
        """The policy that serves by ``score``, ``(G, n)``.

        Raises:
            DataError: the temperature is not above 0, a score is not finite, or there are fewer candidates than places.
        """
        s = np.asarray(score, dtype=np.float64)
        if not temperature > 0.0 or not np.isfinite(s).all() or not 1 <= places <= s.shape[1]:
            raise DataError(
                f"temperature {temperature}, {places} places for {s.shape[1]} candidates",
                where="list policy",
                fix="give a temperature above 0, finite scores and at least as many candidates as places",
            )
        with np.errstate(over="ignore"):  # a gap of any number of temperatures: its weight is the least there is
            return cls(np.maximum(np.exp((s - s.max(axis=1, keepdims=True)) / temperature), 1e-300), places)

    def item_at_place(self, *, draws: int = 20_000, rng: Rng = 0) -> Float64:
        """P(candidate i stands at place r), float64 ``(G, L, n)``.

        Args:
            draws: lists a context, where there are too many candidates for the exact sum.
            rng: of those draws.
        """
        if self.weight.shape[1] <= MOST_CANDIDATES:
            return np.asarray(_over_sets(self.weight, np.ones_like(self.weight), self.places), dtype=np.float64)
        marginal = np.zeros((len(self.weight), self.places, self.weight.shape[1]))
        for context, w in enumerate(self.weight):
            shown = self.draw(np.full(draws, context), rng=generator(rng))
            # The mean of the next item's exact chance over drawn lists above it: what was never drawn has a chance too.
            above = np.cumsum(w[shown], axis=1) - w[shown]
            for r in range(self.places):
                left = 1.0 / np.maximum(w.sum() - above[:, r], w.min())
                taken = np.zeros(len(w))
                for earlier in range(r):
                    taken += np.bincount(shown[:, earlier], weights=left, minlength=len(w))
                marginal[context, r] = w * np.maximum(left.sum() - taken, 0.0) / draws
        return marginal

    def reached_at_place(self, stay: Float64) -> Float64:
        """``E[product of stay over what stands above; i stands at r]``, float64 ``(G, L, n)``, exactly.

        With ``stay`` = 1 it is ``item_at_place``. Times the chance of a click there it sums to the value of the policy
        for users who may stop reading (``simulation.examination``).

        Args:
            stay: float64 ``(G, n)``.

        Raises:
            DataError: more candidates than the sum over sets can take.
        """
        if self.weight.shape[1] > MOST_CANDIDATES:
            raise DataError(
                f"{self.weight.shape[1]} candidates",
                where="list policy",
                fix=f"at most {MOST_CANDIDATES} for exact sums",
            )
        return np.asarray(_over_sets(self.weight, stay, self.places), dtype=np.float64)

    def draw(self, context: Int64, *, rng: Rng) -> Int64:
        """Lists of candidates' numbers, int64 ``(S, L)``, by the Gumbel trick (Yellott, 1977).

        ``log w + Gumbel noise``, sorted, is a draw of the slot softmax.
        """
        random = generator(rng)
        noisy = np.log(self.weight)[context] + random.gumbel(size=(len(context), self.weight.shape[1]))
        order: Int64 = np.argsort(-noisy, axis=1)[:, : self.places]
        return order

    def given_above(self, context: Int64, shown: Int64) -> Float64:
        """P(what stands at r | what stands above), float64 ``(S, L)``; the product over r is the list's chance."""
        of_context = self.weight[context]
        w = np.take_along_axis(of_context, shown, axis=1)
        unseen = of_context.copy()
        np.put_along_axis(unseen, shown, 0.0, axis=1)
        # Summed from the bottom, not subtracted from the top: a tiny weight must not vanish behind a large one.
        left = (unseen @ np.ones(unseen.shape[1]))[:, None] + np.cumsum(w[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(w / left, dtype=np.float64)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _over_sets(weight: Float64, stay: Float64, places: int) -> Float64:
    contexts, n = weight.shape
    out = np.zeros((contexts, places, n))
    chance = np.zeros(1 << n)
    left = np.zeros(1 << n)
    size = np.zeros(1 << n, dtype=np.int64)
    for mask in range(1, 1 << n):
        size[mask] = size[mask >> 1] + (mask & 1)
    for g in range(contexts):
        # What is left is summed item by item, not by subtraction: a tiny weight must not vanish behind a large one.
        for mask in range(1 << n):
            chance[mask] = 0.0
            rest = 0.0
            for i in range(n):
                if not (mask >> i) & 1:
                    rest += weight[g, i]
            left[mask] = rest
        chance[0] = 1.0
        for mask in range((1 << n) - 1):
            q, r = chance[mask], size[mask]
            if q == 0.0 or r >= places:
                continue
            for i in range(n):
                if not (mask >> i) & 1:
                    stands = q * weight[g, i] / left[mask]
                    out[g, r, i] += stands
                    chance[mask | (1 << i)] += stands * stay[g, i]
    return out
