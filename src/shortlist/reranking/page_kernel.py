"""The arithmetic of drawing a page slot by slot, compiled: a page of 20 from 500 candidates is 20 passes over them.

What each function computes is written where it is public: the softmax and the draw in ``slot_softmax.py``, the mixture
in ``exploration.py``, the marginal score in ``mmr.py``.
"""

from __future__ import annotations

import numba
import numpy as np

from shortlist.core.arrays import Bool, Float32, Float64, Int64

__all__ = ["draw_page", "mixed", "pick", "softmax"]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def softmax(marginal: Float64, temperature: float) -> Float64:
    """The chance of each item; masked ones, with ``-inf``, have exactly 0."""
    chance = np.zeros(len(marginal))
    best = np.argmax(marginal)
    if temperature == 0.0:
        chance[best] = 1.0
        return chance
    # Dividing the distance, not the scores: a tiny temperature then gives -inf at worst, never inf - inf.
    for i in range(len(marginal)):
        chance[i] = np.exp((marginal[i] - marginal[best]) / temperature)
    chance /= chance.sum()
    return chance


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def mixed(main: Float64, marginal: Float64, little_known: Bool, share: float, temperature: float) -> Float64:
    """The main arm's chances with ``share`` of them given to a softmax over the little-known items."""
    explored = np.where(little_known, marginal, -np.inf)
    if not np.isfinite(explored).any():
        return main
    chance: Float64 = (1.0 - share) * main + share * softmax(explored, temperature)
    return chance


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def pick(chance: Float64, uniform: float) -> int:
    """The first item up to which the chances add up to more than ``uniform`` of their sum."""
    wanted, so_far, last = uniform * chance.sum(), 0.0, 0
    for i in range(len(chance)):
        if chance[i] > 0.0:
            so_far += chance[i]
            last = i
            if so_far > wanted:
                break
    return last  # rounding may leave the uniform at the very end: the last item with a chance, never one without


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def draw_page(
    relevance: Float64,
    among_themselves: Float64,
    little_known: Bool,
    vectors: Float32,
    uniforms: Float64,
    diversity: float,
    temperature: float,
    explored: tuple[float, float],
) -> tuple[Int64, Float64, Float64]:
    """One slot for each uniform number.

    Args:
        relevance: float64 ``(n,)``, (1 - d) r.
        among_themselves: float64 ``(n,)``, the same with r scaled among the little-known items.
        little_known: bool ``(n,)``.
        vectors: float32 ``(n, dim)``; not looked at where ``diversity`` is 0.
        uniforms: float64 ``(slots,)``, at most n.
        diversity: d.
        temperature: of the main arm.
        explored: the exploring arm's share, 0 for none, and its temperature.

    Returns:
        For each slot the chosen candidate, its marginal score and its chance.
    """
    n, slots = len(relevance), len(uniforms)
    share, exploring = explored
    penalty, taken = np.zeros(n), np.zeros(n, dtype=np.bool_)
    chosen, added, chance = np.empty(slots, np.int64), np.empty(slots), np.empty(slots)
    nearest = np.full(n, -1.0)
    for slot in range(slots):
        marginal = np.where(taken, -np.inf, relevance - penalty)
        chances = softmax(marginal, temperature)
        if share > 0.0:
            theirs = np.where(taken, -np.inf, among_themselves - penalty)
            chances = mixed(chances, theirs, little_known, share, exploring)
        i = pick(chances, uniforms[slot])
        chosen[slot], added[slot], chance[slot], taken[i] = i, marginal[i], chances[i], True
        if diversity > 0.0:
            nearest = np.maximum(nearest, vectors @ vectors[i])
            penalty = diversity * nearest
    return chosen, added, chance
