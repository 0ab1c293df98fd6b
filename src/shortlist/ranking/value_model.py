"""``ValueModel``: what a click, a like or a purchase is worth to us; it lives outside of the model that predicts them.

The weights are a decision, not an estimate: they change between two trainings, they are tested against each other
online, and nobody retrains for it. So they are a small file beside the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.errors import ReleaseError

__all__ = ["LEAST_CHANCE", "ValueModel", "load_value_model"]

LEAST_CHANCE = 1e-6
"""Chances count as at least this much in a product: a task that cannot happen does not make all rows equal."""

_MOST = 32.0

Weight = Annotated[float, msgspec.Meta(ge=-_MOST, le=_MOST)]


class ValueModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the chances of several outcomes to one score that a page is sorted by.

        sum:      score = sum over tasks t of  w_t p_t        in [-sum |w|, sum |w|]
        product:  score = product over t of  p_t^(w_t)        p_t at least ``LEAST_CHANCE``

    A sum is an expected value: it adds up what outcomes are worth, and needs calibrated chances, for a task that is
    over-confident weighs more than it was given. A product asks for all outcomes at once, and a factor on one task's
    chances changes no order: the weaker demand on calibration, and no longer a value in any unit.

    Attributes:
        weights: by the task's name; all together at most 32 in size. What is not wanted has a weight below 0.
        form: how they combine.

    Example:
        >>> worth = ValueModel(weights={"like": 1.0, "hide": -5.0})
        >>> worth.score(("like", "hide"), np.array([[0.4, 0.0], [0.5, 0.1]])).round(3).tolist()
        [0.4, 0.0]
    """

    weights: dict[str, Weight]
    form: Literal["sum", "product"] = "sum"

    def __post_init__(self) -> None:
        size = sum(abs(weight) for weight in self.weights.values())
        if not self.weights or not size > 0.0:
            raise ValueError("a value model needs a weight other than 0")
        if not size <= _MOST:
            raise ValueError(f"the weights add up to {size:g} in size, above {_MOST:g}")

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest score there can be."""
        up = sum(weight for weight in self.weights.values() if weight > 0.0)
        down = sum(weight for weight in self.weights.values() if weight < 0.0)
        return (down, up) if self.form == "sum" else (LEAST_CHANCE**up, LEAST_CHANCE**down)

    def checked(self, tasks: Sequence[str], *, where: str = "value model") -> None:
        """Refuse weights of tasks that the model does not predict.

        Raises:
            ReleaseError: there is such a task.
        """
        unknown = [name for name in self.weights if name not in tasks]
        if unknown:
            raise ReleaseError(
                f"the model does not predict {', '.join(map(repr, unknown))}",
                where=where,
                fix=f"give weights to {', '.join(map(repr, tasks))} only",
            )

    def score(self, tasks: Sequence[str], probability: Array) -> Float64:
        """Scores, float64 ``(N,)``, higher is better.

        Args:
            tasks: names of the columns; those without a weight do not count.
            probability: ``(N, T)`` in [0, 1].

        Raises:
            ReleaseError: a weight is of a task that is not there.
        """
        self.checked(tasks)
        p = np.asarray(probability, dtype=np.float64)
        weight = np.array([self.weights.get(name, 0.0) for name in tasks])
        if self.form == "sum":
            return np.asarray(p @ weight, dtype=np.float64)
        return np.asarray(np.exp(np.log(np.maximum(p, LEAST_CHANCE)) @ weight), dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(msgspec.json.encode(self))


def load_value_model(path: Path) -> ValueModel:
    """Read what ``save`` wrote, or what somebody wrote by hand.

    Raises:
        ReleaseError: the file is missing, an unknown key or a weight out of range is in it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ValueModel)
    except (OSError, msgspec.MsgspecError) as error:
        raise ReleaseError(
            f"the value model cannot be read: {error}", where=str(path), fix='write {"weights": {"like": 1.0}}'
        ) from None
