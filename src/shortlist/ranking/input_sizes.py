"""``InputSizes``: what a model has to know of its inputs, and the names and order in which it takes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Bool, Int64
from shortlist.core.errors import DataError

__all__ = ["IdList", "InputSizes", "checked_ids", "checked_numbers", "gather_inputs"]


class IdList(msgspec.Struct, frozen=True, kw_only=True):
    """A list of ids, padded with 0.

    Attributes:
        length: at most.
        size: ids there are, the unknown one among them.
        like: number of the candidate's categorical feature whose ids, and whose table, these are; None for ids of
            their own. A history of items is like the candidate's item, and target attention may compare the two.
    """

    length: int
    size: int
    like: int | None = None


class InputSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of a model's inputs, of the request's side and of the candidate's.

    Attributes:
        request_dense: real numbers of a request.
        request_ids: ids of each categorical feature of a request.
        request_lists: lists of ids of a request, such as its history, newest first.
        candidate_dense: real numbers of a candidate.
        candidate_ids: ids of each categorical feature of a candidate.
        candidate_lists: lists of ids of a candidate.
    """

    request_dense: int = 0
    request_ids: tuple[int, ...] = ()
    request_lists: tuple[IdList, ...] = ()
    candidate_dense: int = 0
    candidate_ids: tuple[int, ...] = ()
    candidate_lists: tuple[IdList, ...] = ()

    @property
    def request_names(self) -> tuple[str, ...]:
        """Inputs of a request, each ``(R, ...)``; those that hold nothing are left out."""
        return _names("request", self.request_dense, self.request_ids, self.request_lists)

    @property
    def candidate_names(self) -> tuple[str, ...]:
        """Inputs of a candidate, each ``(N, ...)``."""
        return _names("candidate", self.candidate_dense, self.candidate_ids, self.candidate_lists)

    @property
    def names(self) -> tuple[str, ...]:
        """All inputs in the order of a model's arguments; ``request_index``, int64 ``(N,)``, says whose a candidate is.

        Example:
            >>> InputSizes(request_dense=2, candidate_ids=(9, 9), candidate_lists=(IdList(length=3, size=5),)).names
            ('request_dense', 'request_index', 'candidate_ids', 'candidate_list_0')
        """
        return (*self.request_names, *(("request_index",) if self.request_names else ()), *self.candidate_names)

    @property
    def names_of_one(self) -> tuple[str, ...]:
        """The same where all rows are of one request: without ``request_index``."""
        return (*self.request_names, *self.candidate_names)

    def limits(self, name: str) -> Int64:
        """How many ids there are in each column of the input of this name; -1 for real numbers."""
        side, what = name.split("_", 1)
        if what == "ids":
            return np.array(self.request_ids if side == "request" else self.candidate_ids)
        if what.startswith("list_"):
            lists = self.request_lists if side == "request" else self.candidate_lists
            return np.array([lists[int(what.removeprefix("list_"))].size])
        return np.array([-1])


def checked_ids(sizes: InputSizes, inputs: Mapping[str, Array]) -> None:
    """Refuse ids that no table has: a gather does not, and scores -1 by the last row of a table.

    Raises:
        DataError: an id is negative or too large, or ``request_index`` names no request.
    """
    kept = _checked(sizes)
    for name in kept.ids:
        values = inputs[name]
        least = kept.least[name] if name in kept.least else len(inputs[sizes.request_names[0]])
        if values.size == 0 or (values.dtype == np.int64 and int(values.view(np.uint64).max()) < least):
            continue  # as it nearly always is, and one pass is all that it takes: as unsigned, -1 is the largest
        limit = sizes.limits(name) if name in kept.least else np.array([least])
        if values.min() < 0 or (values >= limit).any():
            raise DataError(
                f"ids of {name!r} lie between {values.min()} and {values.max()}, outside of [0, {np.max(limit)})",
                where=name,
                fix="look ids up in the release's vocabularies; what they do not hold is 0",
            )


def checked_numbers(sizes: InputSizes, inputs: Mapping[str, Array]) -> None:
    """Refuse real numbers that are none: one NaN makes a score of NaN, and a sort puts it anywhere.

    Raises:
        DataError: a dense input is NaN or infinite.
    """
    for name in _checked(sizes).dense:
        if np.isfinite(inputs[name]).all():
            continue
        row, column = np.argwhere(~np.isfinite(inputs[name]))[0].tolist()
        raise DataError(
            f"{name!r} holds {inputs[name][row, column]} in row {row}, column {column}",
            where=name,
            fix="give what is unknown a value of its own and, where that is ambiguous, a flag",
        )


def gather_inputs(sizes: InputSizes, inputs: Mapping[str, Array], chosen: Int64 | Bool) -> dict[str, Array]:
    """The inputs of chosen candidates and of their requests, each request once."""
    part: dict[str, Array] = {name: inputs[name][chosen] for name in sizes.candidate_names}
    if sizes.request_names:
        request, part["request_index"] = np.unique(inputs["request_index"][chosen], return_inverse=True)
        part |= {name: inputs[name][request] for name in sizes.request_names}
    return part


class _Checked(NamedTuple):
    """Names of the inputs that are ids, the least limit of a column of each, and names of those that are numbers."""

    ids: tuple[str, ...]
    least: dict[str, int]
    dense: tuple[str, ...]


@lru_cache(maxsize=64)
def _checked(sizes: InputSizes) -> _Checked:
    dense = tuple(name for name in sizes.names if name.endswith("_dense"))
    ids = tuple(name for name in sizes.names if name not in dense)
    return _Checked(ids, {name: int(sizes.limits(name).min()) for name in ids if name != "request_index"}, dense)


def _names(side: str, dense: int, ids: tuple[int, ...], lists: tuple[IdList, ...]) -> tuple[str, ...]:
    return (
        *((f"{side}_dense",) if dense else ()),
        *((f"{side}_ids",) if ids else ()),
        *(f"{side}_list_{k}" for k in range(len(lists))),
    )
