"""The order in which scores put the rows of many lists, ties included: what every list metric starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Int64
from shortlist.core.errors import DataError

__all__ = ["Ranked", "ranked", "segments"]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Rows in the order of their lists, best first in each.

    Attributes:
        order: int64 ``(N,)``; place ``i`` is taken by row ``order[i]``.
        list_: int64 ``(N,)``; the list that place ``i`` belongs to.
        rank: int64 ``(N,)``; the rank in its list of place ``i``, from 0.
    """

    order: Int64
    list_: Int64
    rank: Int64


def segments(offsets: Int64, n: int) -> Int64:
    """The list that each of ``n`` rows belongs to, int64 ``(n,)``.

    Raises:
        DataError: the offsets do not start at 0, fall somewhere, or do not end at ``n``.

    Example:
        >>> segments(np.array([0, 2, 2, 3]), 3).tolist()
        [0, 0, 2]
    """
    lengths = np.diff(offsets)
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n or (lengths < 0).any():
        raise DataError(
            f"the offsets do not divide {n} rows into lists", where="offsets", fix="start at 0, never fall, end at N"
        )
    return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)


def ranked(score: Array, item: Array, offsets: Int64) -> Ranked:
    """Order the rows of each list by score, best first, and equal scores by item, highest first.

    The rule for ties is that of trec_eval, which compares document names; here they are numbers.

    Args:
        score: ``(N,)``, any real numbers; more is better.
        item: int ``(N,)``, catalogue keys.
        offsets: int64 ``(R + 1,)``; list ``r`` owns rows ``[offsets[r], offsets[r + 1])``.

    Raises:
        DataError: a score is not a number, or the offsets do not fit.

    Example:
        >>> ranked(np.array([1.0, 1.0, 2.0]), np.array([5, 6, 7]), np.array([0, 3])).order.tolist()
        [2, 1, 0]
    """
    value = np.asarray(score, dtype=np.float64)
    if np.isnan(value).any():
        row = int(np.flatnonzero(np.isnan(value))[0])
        raise DataError("a score is not a number", where=f"score, row {row}", fix="find out which stage made it")
    list_ = segments(offsets, len(value))
    order = np.lexsort((-np.asarray(item, dtype=np.int64), -value, list_))
    # The lists stand in their own order, so places and rows share ``list_``.
    return Ranked(order=order, list_=list_, rank=np.arange(len(value), dtype=np.int64) - np.asarray(offsets)[list_])
