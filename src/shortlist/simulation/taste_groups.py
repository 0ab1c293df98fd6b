"""A planted world of tastes: groups of items, popularity skewed within each, users who keep to one group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Float64, Int64
from shortlist.core.randomness import Rng, generator

__all__ = ["TasteGroups"]


@dataclass(frozen=True, slots=True)
class TasteGroups:
    """Simulated users and items of whom p(item | user) is known.

        p(i | u)  ∝  pop_i · ( loyalty if i is of u's group, (1 - loyalty) / (groups - 1) if not )
        pop_i = 1 / rank of i within its group

    Rows 1 to V = groups · size are the items, group by group, the most popular of a group first; row 0 is nobody.

    Attributes:
        groups: of items, and of users.
        size: items a group.
        loyalty: share of a user's events within their own group.

    Example:
        >>> world = TasteGroups(groups=2, size=2, loyalty=0.9)
        >>> world.chance(0).round(3).tolist()
        [0.0, 0.6, 0.3, 0.067, 0.033]
        >>> world.draw(3, 4, rng=0)[1].shape
        (3, 4)
    """

    groups: int = 6
    size: int = 50
    loyalty: float = 0.9

    @property
    def n_rows(self) -> int:
        """V + 1."""
        return self.groups * self.size + 1

    def chance(self, group: int) -> Float64:
        """p(i | u) of a user of that group: float64 ``(V + 1,)``, 0 at row 0."""
        popularity = np.tile(1.0 / np.arange(1, self.size + 1), self.groups)
        own = np.arange(self.groups * self.size) // self.size == group
        p = np.where(own, self.loyalty, (1.0 - self.loyalty) / (self.groups - 1)) * popularity
        return np.concatenate([[0.0], p / p.sum()])

    def draw(self, users: int, events: int, *, rng: Rng) -> tuple[Int64, Int64]:
        """Users' groups ``(users,)``, and the rows of their events in time, ``(users, events)``; items recur."""
        source = generator(rng)
        group = source.integers(self.groups, size=users)
        rows = [source.choice(self.n_rows - 1, size=events, p=self.chance(int(own))[1:]) + 1 for own in group]
        return group, np.stack(rows).astype(np.int64)
