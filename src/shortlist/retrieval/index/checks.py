"""What an index refuses: vectors that cannot be compared, and ids that name nothing or two things."""

from __future__ import annotations

import math

import numpy as np

from shortlist.core.arrays import Array, Bool, Float32, Int64
from shortlist.core.errors import DataError

__all__ = ["checked_filter", "checked_ids", "checked_vectors"]

_AT_ONCE = 1 << 18


def checked_vectors(vectors: Array, width: int | None, what: str) -> Float32:
    """Float32 ``(N, d)`` in one block; a memory-mapped file of that kind is not copied.

    Args:
        vectors: ``(N, d)`` of any real type.
        width: the d that is wanted, where one is known.
        what: for the message.

    Raises:
        DataError: another shape or dimension, or a vector with NaN, infinity or a length beyond float32.
    """
    given = np.asarray(vectors)
    if given.ndim != 2 or given.shape[1] == 0 or given.dtype.kind not in "fiu":
        raise DataError(
            f"{what} have shape {given.shape} and type {given.dtype}",
            where=what,
            fix="give a table of numbers (how many, dimension)",
        )
    if width is not None and given.shape[1] != width:
        raise DataError(
            f"{what} have dimension {given.shape[1]}, the index {width}",
            where=what,
            fix="both must come from the same model",
        )
    for start in range(0, len(given), _AT_ONCE):
        part = given[start : start + _AT_ONCE]
        if part.dtype == np.float32 and math.isfinite(np.vdot(part, part)):
            continue  # so is each row's own sum of squares
        with np.errstate(over="ignore", invalid="ignore"):
            part = part.astype(np.float32, copy=False)
            good = np.isfinite(np.einsum("ij,ij->i", part, part))
        if not good.all():
            raise DataError(
                f"row {start + int(np.argmin(good))} of the {what} holds NaN, infinity or too large a number",
                where=what,
                fix="leave it out, or find out why the model makes it",
            )
    return np.ascontiguousarray(given, dtype=np.float32)


def checked_ids(ids: Array | None, count: int, held: Int64) -> Int64:
    """Int64 ``(count,)``: those given, or 0, 1, 2 … for an index that holds none.

    Raises:
        DataError: not one a vector, below 0, twice, or in the index already.
    """
    if ids is None and not len(held):
        return np.arange(count, dtype=np.int64)
    given = np.asarray(ids if ids is not None else [])
    fix = "give each vector one id of its own, an integer from 0"
    if given.shape != (count,) or (count and given.dtype.kind not in "iu"):
        raise DataError(f"there are {count} vectors and {given.size} ids", where="ids", fix=fix)
    wanted = given.astype(np.int64)
    if count and wanted.min() < 0:
        raise DataError(f"id {wanted.min()} is negative", where="ids", fix=fix)
    if len(np.unique(wanted)) < count:
        raise DataError("an id stands twice", where="ids", fix=fix)
    known = wanted[np.isin(wanted, held)]
    if len(known):
        raise DataError(f"id {known[0]} is in the index already", where="ids", fix="remove it first")
    return wanted


def checked_filter(allowed: Array) -> Bool:
    """Bool ``(how many ids there can be,)``.

    Raises:
        DataError: another shape or type.
    """
    given = np.asarray(allowed)
    if given.ndim != 1 or given.dtype != np.bool_:
        raise DataError(
            f"the filter has shape {given.shape} and type {given.dtype}",
            where="allowed",
            fix="give one bool an id: may id i be found?",
        )
    return given
