"""The kinds of world that are rehearsed in: one where the estimator's assumption holds, others where it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.errors import ShortlistError
from shortlist.simulation.examination import Examination
from shortlist.simulation.log_shape import LogShape

__all__ = ["POSITION_BASED", "STOPPING", "THIN", "WORLDS", "ReadingWorld", "world_named"]


@dataclass(frozen=True, slots=True)
class ReadingWorld:
    """How its users read, and how the control serves them.

    Attributes:
        name: for reports.
        says: what is special about it.
        examination: of lists of a log's shape.
        cooling: factor on the control's temperature while the log is written.
    """

    name: str
    says: str
    examination: Callable[[LogShape], Examination]
    cooling: float = 1.0


def _curve(places: int) -> Float64:
    return np.asarray(np.arange(1, places + 1) ** -0.8, dtype=np.float64)


def _position_based(shape: LogShape) -> Examination:
    return Examination.position_based(_curve(shape.places))


def _trust_bias(shape: LogShape) -> Examination:
    wrong = 0.5 * shape.base_rate * np.linspace(1.0, 0.2, shape.places)
    return Examination.trust_bias(_curve(shape.places), np.linspace(0.99, 0.9, shape.places), wrong)


POSITION_BASED = ReadingWorld(
    "position-based", "a place is looked at with a chance of its own: what the estimator assumes", _position_based
)
THIN = ReadingWorld("thin", "position-based, but the log hardly varies its lists", _position_based, cooling=0.04)
STOPPING = (
    ReadingWorld(
        "cascade",
        "users stop at the first click, or lose patience",
        lambda shape: Examination.cascade(shape.places, patience=0.95),
    ),
    ReadingWorld(
        "dynamic",
        "users stop when a click satisfied, or lose patience",
        lambda shape: Examination.dynamic(shape.places),
    ),
)
WORLDS = (
    POSITION_BASED,
    ReadingWorld("trust bias", "users click what does not attract them, because it stands high", _trust_bias),
    *STOPPING,
    THIN,
)


def world_named(name: str) -> ReadingWorld:
    """The kind with that name.

    Raises:
        ShortlistError: there is none.
    """
    for one in WORLDS:
        if one.name == name:
            return one
    raise ShortlistError(f"no world {name!r}", where="rehearsal plan", fix=", ".join(one.name for one in WORLDS))
