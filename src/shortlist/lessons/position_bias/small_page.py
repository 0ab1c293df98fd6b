"""A page so small that everything that can happen on it is listed: six items, four places, 360 lists, 5,760 outcomes.

With the chance of each outcome the mean and the spread of an estimator are sums, so that its bias is seen apart from
its luck. The estimators are the package's own: what they make of one outcome is ``value + influence`` of its row.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.evaluation.off_policy.estimate import Estimate
from shortlist.evaluation.off_policy.list_policy import ListPolicy
from shortlist.learning.click_models.base import log_likelihood
from shortlist.learning.click_models.cells import Cells
from shortlist.lessons.position_bias.readers import Reader

__all__ = ["ATTRACTION", "OLD_ORDER", "PLACES", "Exact", "Outcomes", "by_rank", "exact", "exact_lift", "outcomes"]

ATTRACTION = np.array([0.42, 0.34, 0.27, 0.20, 0.14, 0.09])
"""P(click | looked at) of items A to F."""
OLD_ORDER = (2, 0, 4, 1, 5, 3)
"""What the policy that serves puts high: C, A, E, B, F, D."""
PLACES = 4
_STEP = 0.2
_FITTED_ON = 1e6


@dataclass(frozen=True, slots=True)
class Exact:
    """What an estimator says on average over all logs, and the spread of what one page adds to it.

    Attributes:
        mean: of the estimate, however long the log.
        deviation: standard deviation of a page's part; over the root of the pages it is the standard error.
    """

    mean: float
    deviation: float

    def error(self, pages: float) -> float:
        """The standard error from a log of that many pages."""
        return self.deviation / float(np.sqrt(pages))


@dataclass(frozen=True, eq=False)
class Outcomes:
    """All lists with all clicks.

    Attributes:
        served: the policy that serves.
        lists: int64 ``(360, L)``, items from 0.
        of_list: int64 ``(R,)``, the list of each outcome.
        click: bool ``(R, L)``.
        given_list: float64 ``(R,)``, P(these clicks | this list).
    """

    served: ListPolicy
    lists: Int64
    of_list: Int64
    click: Bool
    given_list: Float64

    @property
    def context(self) -> Int64:
        """Of each list: there is one context."""
        return np.zeros(len(self.lists), dtype=np.int64)

    @cached_property
    def shown(self) -> Int64:
        """What stands at each place of each outcome, ``(R, L)``."""
        return self.lists[self.of_list]

    @cached_property
    def chance(self) -> Float64:
        """P(outcome) under the policy that serves, ``(R,)``."""
        return self.chance_under(self.served)

    def chance_under(self, policy: ListPolicy) -> Float64:
        """P(outcome) under a policy, ``(R,)``."""
        drawn: Float64 = policy.given_above(self.context, self.lists).prod(axis=1)
        return drawn[self.of_list] * self.given_list

    def true_value(self, policy: ListPolicy) -> float:
        """Clicks a page."""
        return float(self.chance_under(policy) @ self.click.sum(axis=1))

    @cached_property
    def click_rate(self) -> Float64:
        """Clicks over showings of each item in the log, wherever it stood, ``(n,)``."""
        n = self.served.weight.shape[1]
        weight = np.repeat(self.chance, PLACES)
        won = np.bincount(self.shown.ravel(), weight * self.click.ravel(), n)
        return np.asarray(won / np.bincount(self.shown.ravel(), weight, n), dtype=np.float64)

    @cached_property
    def predicted(self) -> Float64:
        """P(click | item at place) as the position-based model has it that endless logs are fitted to, ``(L, n)``."""
        n = self.served.weight.shape[1]
        cell = (np.arange(PLACES) * n + self.shown).ravel()
        weight = _FITTED_ON * np.repeat(self.chance, PLACES)
        seen, won = (np.bincount(cell, w, PLACES * n).astype(np.float64) for w in (weight, weight * self.click.ravel()))
        place, item = np.divmod(np.arange(PLACES * n), n)
        cells = Cells(item + 1, place, seen, won)
        fitted = cells.fit(n + 1, PLACES, pseudo=0.0, steps=3_000, tolerance=1e-13)
        return np.asarray(fitted.examination[:, None] * fitted.attraction[None, 1:], dtype=np.float64)

    def draw(self, pages: int, rng: np.random.Generator) -> Int64:
        """The rows that a log of so many pages has."""
        return np.repeat(np.arange(len(self.click)), rng.multinomial(pages, self.chance / self.chance.sum()))


def by_rank(order: Int64 | tuple[int, ...]) -> Float64:
    """Scores of items that stand in this order, ``(1, n)``: each 0.2 below the one before.

    Example:
        >>> by_rank((1, 0)).tolist()
        [[-0.2, -0.0]]
    """
    score = np.empty((1, len(order)))
    score[0, np.asarray(order)] = -_STEP * np.arange(len(order))
    return score


@lru_cache(maxsize=64)
def outcomes(reader: Reader, strength: float, temperature: float) -> Outcomes:
    """Everything that can happen when ``OLD_ORDER`` is served at a temperature."""
    n = len(ATTRACTION)
    lists = np.array(list(itertools.permutations(range(n), PLACES)), dtype=np.int64)
    patterns = np.array(list(itertools.product((False, True), repeat=PLACES)))
    of_list = np.repeat(np.arange(len(lists)), len(patterns))
    click = np.tile(patterns, (len(lists), 1))
    model = reader.model(ATTRACTION, PLACES, strength)
    likelihood = log_likelihood(model, reader.sessions(lists[of_list], click.astype(np.int64), n))
    served = ListPolicy.softmax(by_rank(OLD_ORDER), temperature=temperature, places=PLACES)
    return Outcomes(served, lists, of_list, click, np.asarray(np.exp(likelihood), dtype=np.float64))


def exact(estimate: Estimate, chance: Float64) -> Exact:
    """Over all logs: the estimate was made of all outcomes as if they were alike, here each has its chance."""
    terms = estimate.influence + estimate.value
    mean = float(chance @ terms)
    return Exact(mean, float(np.sqrt(chance @ (terms - mean) ** 2)))


def exact_lift(target: Estimate, served: Estimate, chance: Float64) -> Exact:
    """``E target / E served - 1``, its spread by the delta method, what both share cancelling."""
    a, b = (estimate.influence + estimate.value for estimate in (target, served))
    ratio = float(chance @ a) / float(chance @ b)
    page = (a - ratio * b) / float(chance @ b)
    return Exact(ratio - 1.0, float(np.sqrt(chance @ page**2)))
