"""How a simulated user reads a list: one model with four settings, and what it makes of any list, exactly.

From the top, place r is reached if nothing above ended the reading, and looked at with chance ``gate_r``. What stands
there is clicked, if it is looked at, with chance

    c_{r,i} = right_r a_i + wrong_r (1 - a_i)

A click satisfies with chance s_i. After a place that was looked at, the user reads on with chance ``after_none``,
``after_click`` or ``after_satisfied``, so that with ``stay_i = (1 - c_i) after_none + c_i ((1 - s_i) after_click + s_i
after_satisfied)``

    P(click at r) = gate_r (product of stay over the places above) c_{r,i}

which is the expectation in closed form: nothing has to be drawn to know what a list is truly worth.

    setting           gate  right, wrong  after none, click, satisfied   source
    position_based    γ     1, 0          1, 1, 1                        Richardson et al., WWW 2007
    cascade           1     1, 0          patience, 0, 0                 Craswell et al., WSDM 2008
    dynamic           1     1, 0          patience, patience, 0          Chapelle & Zhang, WWW 2009 (DBN)
    trust_bias        γ     ε⁺, ε⁻        1, 1, 1                        Agarwal et al., WWW 2019
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64
from shortlist.core.errors import ShortlistError
from shortlist.core.randomness import Rng, generator

__all__ = ["Examination", "Read"]


class Read(NamedTuple):
    """What was drawn of ``S`` lists, bool ``(S, L)`` each; a log holds clicks alone."""

    examined: Bool
    click: Bool
    satisfied: Bool


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """One way to read ``L`` places.

    Attributes:
        name: "position-based", "cascade", "dynamic" or "trust bias".
        gate: float64 ``(L,)``, chance to look at a place that is reached.
        right: float64 ``(L,)``, ε⁺, chance to click what attracts.
        wrong: float64 ``(L,)``, ε⁻, chance to click what does not, out of trust in the place.
        after_none: chance to read on below what was not clicked.
        after_click: below what was clicked and did not satisfy.
        after_satisfied: below what satisfied.

    Raises:
        ShortlistError: a chance lies outside [0, 1], or the reading can end and yet the places differ: the closed form
            would then not hold.

    Example:
        >>> cascade = Examination.cascade(3)
        >>> cascade.expected_clicks(np.array([[0.5, 0.5, 0.5]]), np.zeros((1, 3))).tolist()
        [[0.5, 0.25, 0.125]]
    """

    name: str
    gate: Float64
    right: Float64
    wrong: Float64
    after_none: float
    after_click: float
    after_satisfied: float

    def __post_init__(self) -> None:
        after = np.array([self.after_none, self.after_click, self.after_satisfied])
        curves = np.stack([self.gate, self.right, self.wrong])
        if not ((curves >= 0.0) & (curves <= 1.0)).all() or not ((after >= 0.0) & (after <= 1.0)).all():
            raise ShortlistError(
                "a chance is not between 0 and 1", where=f"examination {self.name}", fix="give chances"
            )
        if self.may_end and not ((self.gate == 1.0).all() and (self.right == 1.0).all() and (self.wrong == 0.0).all()):
            raise ShortlistError(
                "the reading may end, and the places differ",
                where=f"examination {self.name}",
                fix="give gate 1, right 1 and wrong 0, or let the reading never end",
            )

    @classmethod
    def position_based(cls, curve: Array) -> Examination:
        """PBM with γ, ``(L,)``."""
        gate = np.asarray(curve, dtype=np.float64)
        return cls("position-based", gate, np.ones_like(gate), np.zeros_like(gate), 1.0, 1.0, 1.0)

    @classmethod
    def cascade(cls, places: int, *, patience: float = 1.0) -> Examination:
        """Down to the first click; with ``patience`` below 1 some leave before it."""
        return cls("cascade", np.ones(places), np.ones(places), np.zeros(places), patience, 0.0, 0.0)

    @classmethod
    def dynamic(cls, places: int, *, patience: float = 0.9) -> Examination:
        """DBN: on with ``patience`` until a click satisfies."""
        return cls("dynamic", np.ones(places), np.ones(places), np.zeros(places), patience, patience, 0.0)

    @classmethod
    def trust_bias(cls, curve: Array, right: Array, wrong: Array) -> Examination:
        """PBM with γ whose users trust high places: ε⁺ and ε⁻, ``(L,)`` each."""
        gate, plus, minus = (np.asarray(values, dtype=np.float64) for values in (curve, right, wrong))
        return cls("trust bias", gate, plus, minus, 1.0, 1.0, 1.0)

    @property
    def places(self) -> int:
        """``L``."""
        return len(self.gate)

    @property
    def may_end(self) -> bool:
        """Does what stands above decide whether a place is reached?"""
        return min(self.after_none, self.after_click, self.after_satisfied) < 1.0

    def click_if_examined(self, attraction: Float64) -> Float64:
        """C of every item at every place, float64 ``(L, ...)`` for attractions ``(...)``."""
        shape = (self.places,) + (1,) * attraction.ndim
        right, wrong = self.right.reshape(shape), self.wrong.reshape(shape)
        return right * attraction + wrong * (1.0 - attraction)

    def stay(self, attraction: Float64, satisfaction: Float64) -> Float64:
        """Chance to read on below an item that was looked at, ``(...)``; 1 where the reading never ends."""
        clicked = satisfaction * self.after_satisfied + (1.0 - satisfaction) * self.after_click
        return np.asarray((1.0 - attraction) * self.after_none + attraction * clicked, dtype=np.float64)

    def expected_clicks(self, attraction: Float64, satisfaction: Float64) -> Float64:
        """P(click) of each place of each list, float64 ``(S, L)``.

        Args:
            attraction: a of what stands there, ``(S, L)``.
            satisfaction: s of it, ``(S, L)``.
        """
        reached = np.ones_like(attraction)
        np.cumprod(self.stay(attraction, satisfaction)[:, :-1], axis=1, out=reached[:, 1:])
        at = self.right * attraction + self.wrong * (1.0 - attraction)
        return self.gate * reached * at

    def read(self, attraction: Float64, satisfaction: Float64, rng: Rng) -> Read:
        """Draw what users do with lists; arguments as for ``expected_clicks``."""
        random = generator(rng)
        lists, places = attraction.shape
        looks, clicks, pleases, goes = random.random((4, lists, places))
        examined, click, satisfied = (np.zeros((lists, places), dtype=bool) for _ in range(3))
        reading = np.ones(lists, dtype=bool)
        for r in range(places):
            a = attraction[:, r]
            examined[:, r] = reading & (looks[:, r] < self.gate[r])
            click[:, r] = examined[:, r] & (clicks[:, r] < self.right[r] * a + self.wrong[r] * (1.0 - a))
            satisfied[:, r] = click[:, r] & (pleases[:, r] < satisfaction[:, r])
            after = np.where(click[:, r], self.after_click, self.after_none)
            reading &= goes[:, r] < np.where(satisfied[:, r], self.after_satisfied, after)
        return Read(examined, click, satisfied)
