"""The vectorised driver of a simulated feed: lists drawn by a policy and read by its users, in one pass.

The readable twins are ``ListPolicy.draw`` and ``Examination.read``; the kernel says the same in distribution, some ten
times faster, and draws by count (``counted_draws``), so that a log does not depend on who else draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.counted_draws import counted_uniform
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.simulation.ad_world import START_US
from shortlist.simulation.feed_world import FeedWorld
from shortlist.training.list_log import LIST_LOG

__all__ = ["Pages", "feed_log", "serve"]


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """``S`` served pages.

    Attributes:
        context: int64 ``(S,)``.
        shown: int16 ``(S, L)``, the candidate at each place, by its number in the context.
        propensity: float64 ``(S, L)``, P(candidate at this place | slots above).
        click: bool ``(S, L)``.
        satisfied: bool ``(S, L)``.
    """

    context: Int64
    shown: Array
    propensity: Float64
    click: Bool
    satisfied: Bool

    def __len__(self) -> int:
        return len(self.context)


def serve(world: FeedWorld, policy: ListPolicy, n: int, *, rng: Rng) -> Pages:
    """N pages, of contexts that ask as often as in the world."""
    random = generator(rng)
    upper = np.cumsum(world.share)
    context = np.searchsorted(upper, random.random(n) * upper[-1], side="right").astype(np.int64)
    places, e = policy.places, world.examination
    shown = np.empty((n, places), dtype=np.int16)
    propensity = np.empty((n, places))
    click, satisfied = np.zeros((2, n, places), dtype=np.bool_)
    _serve(
        *(policy.weight, world.attraction, world.satisfaction, context, e.gate, e.right, e.wrong),
        *(np.array([e.after_none, e.after_click, e.after_satisfied]), np.uint64(random.integers(2**63))),
        *(shown, propensity, click, satisfied),
    )
    return Pages(context, shown, propensity, click, satisfied)


def feed_log(
    world: FeedWorld, policy: ListPolicy, n: int, *, days: int = 7, users: int = 2_000, rng: Rng
) -> pl.DataFrame:
    """A log of n pages as anybody could have recorded it: schema ``training.list_log.LIST_LOG``, a row a place.

    Args:
        world: of its own day throughout.
        policy: that serves.
        n: pages.
        days: that the log lasts; conversions after its end are not in it.
        users: of each taste group, who come as often as each other; a visit's user follows from its context.
        rng: a generator or a seed.
    """
    random = generator(rng)
    pages = serve(world, policy, n, rng=random)
    at_us = world.shape.arrivals.draw(n, start_us=START_US, days=days, rng=random)
    end_us = START_US + days * 24 * 3_600_000_000
    back = world.returning.draw(pages.click, pages.satisfied, random)
    context, shown = pages.context[:, None], pages.shown
    p_convert = np.where(pages.click, world.p_convert[context, shown], 0.0).ravel()
    row_us = np.repeat(at_us, policy.places)
    converted = world.converting.draw(p_convert, row_us, random)
    groups = world.groups
    user = (pages.context * groups // len(world.share)) * users + random.integers(users, size=n)
    return pl.DataFrame(
        {
            "request": np.repeat(np.arange(n), policy.places),
            "user": np.repeat(user, policy.places),
            "at_us": row_us,
            "context": np.repeat(pages.context, policy.places),
            "place": np.tile(np.arange(1, policy.places + 1), n),
            "item": world.item[context, shown].ravel(),
            "selection_propensity": pages.propensity.ravel(),
            "click": pages.click.ravel(),
            "satisfied": pages.satisfied.ravel(),
            "converted_us": pl.Series(np.where((converted >= 0) & (converted < end_us), converted, -1)).replace(
                -1, None
            ),
            "returned": np.repeat(back, policy.places),
            "simulated": np.ones(n * policy.places, dtype=bool),
        },
        schema=LIST_LOG,
    )


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _serve(
    weight: Float64,
    attraction: Float64,
    satisfaction: Float64,
    context: Int64,
    gate: Float64,
    right: Float64,
    wrong: Float64,
    after: Float64,
    seed: np.uint64,
    shown: Array,
    propensity: Float64,
    click: Bool,
    satisfied: Bool,
) -> None:
    n, places = weight.shape[1], shown.shape[1]
    taken = np.zeros(n, dtype=np.bool_)
    for page in range(len(context)):
        g = context[page]
        taken[:] = False
        reading = True
        for r in range(places):
            first = np.uint64((page * places + r) * 5)
            left = 0.0
            for i in range(n):
                if not taken[i]:
                    left += weight[g, i]
            target = counted_uniform(seed, first) * left
            pick, below = -1, 0.0
            for i in range(n):
                if not taken[i]:
                    below += weight[g, i]
                    pick = i
                    if below > target:
                        break
            taken[pick] = True
            shown[page, r] = pick
            propensity[page, r] = weight[g, pick] / left
            if reading:
                a = attraction[g, pick]
                looks = counted_uniform(seed, first + np.uint64(1)) < gate[r]
                clicks = looks and counted_uniform(seed, first + np.uint64(2)) < right[r] * a + wrong[r] * (1.0 - a)
                pleased = clicks and counted_uniform(seed, first + np.uint64(3)) < satisfaction[g, pick]
                click[page, r], satisfied[page, r] = clicks, pleased
                goes_on = after[2] if pleased else (after[1] if clicks else after[0])
                reading = counted_uniform(seed, first + np.uint64(4)) < goes_on
