"""``FeedWorld``: a simulated feed whose every true value is an exact sum.

A request has a context, the taste group of its user and the query's intent, and each context has candidates. How well
item i serves context g is a hidden utility u; attraction and satisfaction are two different functions of it,

    logit a = intercept + u + bait + novelty exp(-age / 3 days) + drift day
    logit s = 0.4 + 1.2 u - 1.2 bait

so that bait draws clicks and disappoints. A learner sees features: noisy copies, as content and counters would give.

The value of a list policy is a sum over the sets that may stand above each place (``off_policy.list_policy``), so that
truth needs no Monte Carlo. It stays in this room; what leaves is a log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import ShortlistError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.simulation.examination import Examination
from shortlist.simulation.log_shape import LogShape
from shortlist.simulation.returns import Conversions, ReturnVisits

__all__ = ["FEATURES", "FeedWorld", "PolicyValue"]

FEATURES = ("popularity", "affinity", "quality", "thumbnail", "age_days")
"""What a learner sees of a candidate; the last four are noisy but for the age."""

_NOVELTY_DAYS = 3.0
_WIDTH = 8


class PolicyValue(NamedTuple):
    """What a page of a policy is truly worth, in expectation.

    Attributes:
        clicks: a page.
        satisfied: clicks that satisfy, a page.
        returns: chance that the user returns within a day.
        conversions: a page, however late.
    """

    clicks: float
    satisfied: float
    returns: float
    conversions: float


@dataclass(frozen=True, slots=True, eq=False)
class FeedWorld:
    """``G`` contexts with ``n`` candidates each. Nothing but ``item`` and ``features`` may cross over.

    Attributes:
        groups: of users' tastes; contexts lie group by group.
        share: float64 ``(G,)``, how often each context asks; sums to 1.
        item: int64 ``(G, n)``, keys from 1, rising within a context.
        features: float64 ``(G, n, 5)``, see ``FEATURES``.
        utility: float64 ``(G, n)``, u.
        attraction: float64 ``(G, n)``, a, on the world's day.
        satisfaction: float64 ``(G, n)``, s.
        p_convert: float64 ``(G, n)``, of a click.
        novelty: what being new adds to the logit of a.
        drift: float64 ``(G, n)``, what a day adds to it.
        day: since the world was drawn.
        shape: what it was drawn to.
        examination: how users read.
        returning: what brings them back.
        converting: when conversions arrive.
    """

    groups: int
    share: Float64
    item: Int64
    features: Float64
    utility: Float64
    attraction: Float64
    satisfaction: Float64
    p_convert: Float64
    novelty: float
    drift: Float64
    day: int
    shape: LogShape
    examination: Examination
    returning: ReturnVisits
    converting: Conversions

    @classmethod
    def draw(
        cls,
        shape: LogShape,
        examination: Examination,
        *,
        groups: int = 6,
        intents: int = 8,
        candidates: int = 10,
        novelty: float = 0.5,
        drift: float = 0.02,
        rng: Rng = 0,
    ) -> FeedWorld:
        """A world.

        Utilities, of which taste, the item's own quality and its fit to the intent have a third each, have standard
        deviation 0.8, bait 0.6. The intercept is such that, with candidates in random order, the first place has the
        shape's base rate of clicks. Candidates are drawn by the shape's popularity, intents asked for by 1/rank^0.7.

        Args:
            shape: base rate, popularity, places.
            examination: of as many places.
            groups: of users' tastes, equally large.
            intents: that a query may have.
            candidates: of each context.
            novelty: see above.
            drift: standard deviation of what a day adds to the logit of attraction.
            rng: a generator or a seed.

        Raises:
            ShortlistError: the places differ, or there are too few items.
        """
        random = generator(rng)
        if examination.places != shape.places or not shape.places <= candidates <= shape.n_items:
            raise ShortlistError(
                f"lists of {shape.places}, read over {examination.places} places, from {candidates} candidates",
                where="FeedWorld",
                fix="make the places equal, with enough candidates",
            )
        popularity = shape.popularity()
        contexts = groups * intents
        picked = np.stack(
            [np.sort(random.choice(shape.n_items, candidates, replace=False, p=popularity)) for _ in range(contexts)]
        )
        item_vector = random.standard_normal((shape.n_items, _WIDTH)) / np.sqrt(_WIDTH)
        group, intent = np.divmod(np.arange(contexts), intents)
        taste = random.standard_normal((groups, _WIDTH))[group]
        aim = random.standard_normal((intents, _WIDTH))[intent]
        affinity = np.einsum("gd,gnd->gn", taste + aim, item_vector[picked])
        quality = random.standard_normal(shape.n_items)[picked]
        bait = 0.6 * random.standard_normal(shape.n_items)[picked]
        age = random.exponential(5.0, shape.n_items)[picked]
        utility = 0.8 * (affinity + quality) / np.sqrt(3.0)
        without = utility + bait + novelty * np.exp(-age / _NOVELTY_DAYS)
        asked = np.tile(np.arange(1, intents + 1) ** -0.7, groups)
        share = asked / asked.sum()
        noise = random.standard_normal((3, contexts, candidates))
        shape_returns = ReturnVisits()
        shape_returns.check(shape.places)
        return cls(
            groups=groups,
            share=share,
            item=picked + 1,
            features=np.stack(
                [
                    np.log(popularity[picked] * shape.n_items),
                    affinity + 0.5 * noise[0],
                    quality + 0.5 * noise[1],
                    bait + 0.3 * noise[2],
                    age,
                ],
                axis=-1,
            ),
            utility=utility,
            attraction=expit(_intercept(without, share, shape.base_rate, examination) + without),
            satisfaction=expit(0.4 + 1.2 * utility - 1.2 * bait),
            p_convert=expit(-2.0 + utility),
            novelty=novelty,
            drift=drift * random.standard_normal((contexts, candidates)),
            day=0,
            shape=shape,
            examination=examination,
            returning=shape_returns,
            converting=Conversions(),
        )

    def read_by(self, examination: Examination) -> FeedWorld:
        """The same world with users who read otherwise; attractions stay, so the base rate may move."""
        return replace(self, examination=examination)

    def on_day(self, day: int) -> FeedWorld:
        """The world some days after it was drawn: what was new is less so, and tastes have drifted."""
        age = self.features[..., FEATURES.index("age_days")]
        since = np.exp(-(age + day - self.day) / _NOVELTY_DAYS) - np.exp(-age / _NOVELTY_DAYS)
        moved = logit(self.attraction) + self.novelty * since + self.drift * (day - self.day)
        aged = self.features.copy()
        aged[..., FEATURES.index("age_days")] += day - self.day
        return replace(self, attraction=expit(moved), features=aged, day=day)

    def value(self, policy: ListPolicy) -> PolicyValue:
        """The true value of a policy, exactly."""
        reached = policy.reached_at_place(self.examination.stay(self.attraction, self.satisfaction))
        at_place = np.moveaxis(self.examination.click_if_examined(self.attraction), 0, 1)
        clicks = np.einsum("g,l,gln,gln->gn", self.share, self.examination.gate, reached, at_place)
        satisfied = float((clicks * self.satisfaction).sum())
        total = float(clicks.sum())
        returns = self.returning.expected(np.array(total), np.array(satisfied / total if total else 0.0))
        return PolicyValue(total, satisfied, float(returns), float((clicks * self.p_convert).sum()))


def _intercept(without: Float64, share: Float64, base_rate: float, examination: Examination) -> float:
    gate, right, wrong = examination.gate[0], examination.right[0], examination.wrong[0]

    def surplus(intercept: float) -> float:
        a = expit(intercept + without).mean(axis=1)
        return float(gate * (share @ (right * a + wrong * (1.0 - a)))) - base_rate

    if surplus(-30.0) >= 0.0 or surplus(30.0) <= 0.0:
        raise ShortlistError(
            f"no attraction gives a base rate of {base_rate}",
            where=f"examination {examination.name}",
            fix="let the first place be looked at more often",
        )
    return float(brentq(surplus, -30.0, 30.0, xtol=1e-12))
