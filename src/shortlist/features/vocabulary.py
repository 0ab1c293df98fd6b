"""``Vocabulary``: keys that a model has a number for; every other one is number 0, the unknown."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Int64

__all__ = ["Vocabulary"]


class Vocabulary:
    """Numbers from 1, the most frequent key first.

    Args:
        keys: int64 ``(V,)``, all different, not negative; the first has number 1.

    Example:
        >>> vocabulary = Vocabulary.fit(np.array([7, 3, 3, -1]))
        >>> vocabulary.numbers(np.array([3, 7, 8, -1])).tolist(), vocabulary.size
        ([1, 2, 0, 0], 3)
    """

    def __init__(self, keys: Int64) -> None:
        self.keys = keys
        self._order = np.argsort(keys, kind="stable")
        self._sorted: Int64 = keys[self._order]

    @classmethod
    def fit(cls, keys: Array, *, least: int = 1) -> Vocabulary:
        """Of the keys that stand in at least ``least`` places; ties go by key."""
        found, count = np.unique(np.asarray(keys, dtype=np.int64), return_counts=True)
        kept = (found >= 0) & (count >= least)
        return cls(found[kept][np.argsort(-count[kept], kind="stable")])

    @property
    def size(self) -> int:
        """Numbers there are, the unknown one among them."""
        return len(self.keys) + 1

    def numbers(self, keys: Array) -> Int64:
        """Of each key, int64 of ``keys``' shape; 0 is unknown."""
        key = np.asarray(keys, dtype=np.int64)
        if not len(self.keys):
            return np.zeros(key.shape, dtype=np.int64)
        place = np.minimum(np.searchsorted(self._sorted, key), len(self.keys) - 1)
        return np.where(self._sorted[place] == key, self._order[place] + 1, 0)
