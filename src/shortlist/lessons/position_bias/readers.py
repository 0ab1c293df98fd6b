"""Three ways to read a page, each with a strength: what the position-based model says, and two that break it.

    looks       γ_r = r^-η,                                    P(click) = γ_r a_i
    trusts      the same, and clicks what does not attract:     P(click) = γ_r (a_i + ε_r (1 - a_i)),   ε_r = 0.2 η / r
    stops       looks at everything until a click satisfies, with chance η / 2

At strength 0 the three are one: every place is looked at, and a click depends on the item alone. Each is one of the
package's own click models with planted numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.learning.click_models.base import ClickModel
from shortlist.learning.click_models.dbn import DynamicModel
from shortlist.learning.click_models.pbm import PositionModel
from shortlist.learning.click_models.sessions import Sessions

__all__ = ["READERS", "Reader"]

_NONE = np.empty(0)
_TRUST = 0.2


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read.

    Attributes:
        name: on the page.
        model: from attraction ``(n,)``, places and strength to the click model, over pairs of item and place.
    """

    name: str
    model: Callable[[Float64, int, float], ClickModel]

    def sessions(self, shown: Int64, click: Int64, candidates: int) -> Sessions:
        """Lists of items from 0, ``(S, L)``, as the model numbers them: item i at place r is ``1 + r n + i``."""
        return Sessions.of(1 + np.arange(shown.shape[1]) * candidates + shown, click)

    def click_table(self, attraction: Float64, places: int, strength: float) -> Float64:
        """P(click | item i at place r), whatever stands above, ``(L, n)``: of readers who do not stop."""
        n = len(attraction)
        model = self.model(attraction, places, strength)
        column = self.sessions(np.tile(np.arange(n)[:, None], places), np.zeros((n, places), dtype=np.int64), n)
        table: Float64 = (model.examined(column) * model.attraction[column.shown]).T
        return table


def _pairs(by_place: Float64) -> Float64:
    """The unknown pair, then every item at every place."""
    return np.concatenate([[0.5], by_place.ravel()])


def _curve(places: int, strength: float) -> Float64:
    return np.asarray(np.arange(1, places + 1, dtype=np.float64) ** -strength, dtype=np.float64)


def _looks(attraction: Float64, places: int, strength: float) -> ClickModel:
    return PositionModel(_pairs(np.tile(attraction, (places, 1))), _curve(places, strength), _NONE)


def _trusts(attraction: Float64, places: int, strength: float) -> ClickModel:
    wrong = _TRUST * strength / np.arange(1, places + 1)[:, None]
    return PositionModel(_pairs(attraction + wrong * (1.0 - attraction)), _curve(places, strength), _NONE)


def _stops(attraction: Float64, places: int, strength: float) -> ClickModel:
    pairs = _pairs(np.tile(attraction, (places, 1)))
    return DynamicModel(pairs, np.full_like(pairs, strength / 2.0), 1.0, _NONE)


READERS = (
    Reader("look at high places more often", _looks),
    Reader("look, and trust what stands high", _trusts),
    Reader("stop when a click satisfied", _stops),
)
