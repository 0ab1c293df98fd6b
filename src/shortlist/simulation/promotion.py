"""``PromotionWorld``: a simulated promotion that changes some people's minds, with everybody's true effect.

A coin decides whether a user is shown the promotion; the old ranker decides at which of five places, by what it knows
of the user's intent. What is shown is looked at with the place's chance, and only what is looked at can be clicked or
change a mind:

    logit P(buys | not looked at) = -2.2 + 1.2 intent + 0.5 loyalty
    logit P(buys | looked at)     = that + 0.2 + 0.8 thrift - 0.7 loyalty
    logit P(click | looked at)    = -1.4 + 1.2 intent + 0.5 loyalty + 0.2 thrift

so that who clicks is who would have bought anyway, and a loyal customer is put off. The effect of showing it is
``E[chance to look | user] (P(buys | looked at) - P(buys | not))``, an exact sum over the places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit

from shortlist.core.arrays import Float64
from shortlist.core.randomness import Rng, generator
from shortlist.training.uplift_log import UPLIFT_LOG

__all__ = ["PromotionWorld", "Users"]

_PLACES = 5
_KNOWN = ("intent", "loyalty", "thrift", "age", "visits")


@dataclass(frozen=True, slots=True, eq=False)
class Users:
    """Users with their truth; only ``features`` may cross over.

    Attributes:
        features: float64 ``(N, 5)``, what is known of them before: intent, loyalty, thrift, age, visits.
        effect: float64 ``(N,)``, what showing adds to the chance of buying.
        attraction: float64 ``(N,)``, P(click | looked at).
    """

    features: Float64
    effect: Float64
    attraction: Float64


@dataclass(frozen=True, slots=True)
class PromotionWorld:
    """The world; its users are drawn.

    Attributes:
        chance: of being shown.
        strength: factor on what a look adds to the logit of buying; 0 is a promotion that does nothing.
    """

    chance: float = 0.5
    strength: float = 1.0

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of ``Users.features``."""
        return _KNOWN

    def users(self, n: int, rng: Rng) -> Users:
        """Draw users, features standard normal."""
        features = generator(rng).standard_normal((n, len(_KNOWN)))
        plain, looked = self._buying(features)
        return Users(features, (self._places(features) @ _curve()) * (looked - plain), _attraction(features))

    def log(self, users: Users, rng: Rng) -> pl.DataFrame:
        """What happens to them: schema ``training.uplift_log.UPLIFT_LOG`` and a column ``feature_...`` a feature."""
        random = generator(rng)
        n = len(users.features)
        shown = random.random(n) < self.chance
        place = 1 + (random.random((n, 1)) > np.cumsum(self._places(users.features), axis=1)[:, :-1]).sum(axis=1)
        looked = shown & (random.random(n) < _curve()[place - 1])
        click = looked & (random.random(n) < users.attraction)
        plain, after = self._buying(users.features)
        bought = random.random(n) < np.where(looked, after, plain)
        return pl.DataFrame(
            {
                "user": np.arange(n),
                "shown": shown,
                "place": pl.Series(np.where(shown, place, 0)).replace(0, None),
                "click": click,
                "converted": bought,
                "simulated": np.ones(n, dtype=bool),
                **{f"feature_{name}": users.features[:, k] for k, name in enumerate(_KNOWN)},
            },
            schema_overrides=UPLIFT_LOG,
        )

    def _buying(self, x: Float64) -> tuple[Float64, Float64]:
        plain = -2.2 + 1.2 * x[:, 0] + 0.5 * x[:, 1]
        return expit(plain), expit(plain + self.strength * (0.2 + 0.8 * x[:, 2] - 0.7 * x[:, 1]))

    @staticmethod
    def _places(x: Float64) -> Float64:
        """P(place | user): binomial, high for those with intent, ``(N, 5)``."""
        from scipy.stats import binom

        return np.asarray(binom.pmf(np.arange(_PLACES), _PLACES - 1, expit(-x[:, :1])), dtype=np.float64)


def _curve() -> Float64:
    return np.asarray(np.arange(1, _PLACES + 1) ** -0.8, dtype=np.float64)


def _attraction(x: Float64) -> Float64:
    return np.asarray(expit(-1.4 + 1.2 * x[:, 0] + 0.5 * x[:, 1] + 0.2 * x[:, 2]), dtype=np.float64)
