"""Array types by what they hold, and the one ragged type.

Names say the element type only; shapes are written where an array is used, ``(N,)`` for one value a candidate and
``(R,)`` for one value a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shortlist.core.list_kernel import lists_hold

__all__ = ["Array", "Bool", "Float32", "Float64", "Int32", "Int64", "Ragged", "UInt64"]

Array: TypeAlias = NDArray[Any]
Bool: TypeAlias = NDArray[np.bool_]
Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
UInt64: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Lists of different lengths, flat: list ``r`` is ``values[offsets[r]:offsets[r + 1]]``.

    Attributes:
        values: ``(sum of lengths,)``.
        offsets: int64 ``(R + 1,)``, starts with 0, never falls.

    Example:
        >>> r = Ragged.from_lists([[3, 1], [], [7]])
        >>> len(r), r[0].tolist(), r[1].tolist()
        (3, [3, 1], [])
    """

    values: Int64
    offsets: Int64

    @classmethod
    def from_lists(cls, lists: Sequence[Sequence[int] | Int64]) -> Ragged:
        """Lay lists of ids end to end; a lone array is not copied."""
        offsets = np.array([0, *accumulate(map(len, lists))], dtype=np.int64)
        parts = [np.asarray(part, dtype=np.int64) for part in lists]
        values = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=np.int64), *parts])
        return cls(values, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Int64:
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> Int64:
        """int64 ``(R,)``."""
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def segment(self) -> Int64:
        """The list that each value belongs to, int64 of ``values``' shape."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    def contains(self, segment: Int64, value: Int64) -> Bool:
        """Whether list ``segment[n]`` holds ``value[n]``, bool ``(N,)``.

        Example:
            >>> Ragged.from_lists([[3, 1], [7]]).contains(np.array([0, 0, 1]), np.array([1, 7, 7])).tolist()
            [True, False, True]
        """
        held: Bool = lists_hold(self.values, self.offsets, segment, value)
        return held
