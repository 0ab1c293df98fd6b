"""From scored (request, row) pairs to the best candidates of each request: the step that every source shares."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Bool, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue

__all__ = ["best", "distinct", "known_rows", "members"]


def known_rows(lists: Ragged, catalogue: Catalogue) -> Ragged:
    """Lists of catalogue keys as lists of rows, without the keys that the catalogue does not know."""
    rows = catalogue.rows(lists.values)
    kept = rows != UNKNOWN_ROW
    counts = np.bincount(lists.segment[kept], minlength=len(lists))
    return Ragged(rows[kept], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def distinct(lists: Ragged, n_rows: int) -> Ragged:
    """Each list's rows once, in ascending order.

    Example:
        >>> once = distinct(Ragged.from_lists([[3, 1, 3], [], [2, 2]]), n_rows=4)
        >>> once[0].tolist(), once[1].tolist(), once[2].tolist()
        ([1, 3], [], [2])
    """
    pair = np.unique(lists.segment * n_rows + lists.values)
    counts = np.bincount(pair // n_rows, minlength=len(lists))
    return Ragged(pair % n_rows, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def members(request: Int64, row: Int64, lists: Ragged, n_rows: int) -> Bool:
    """Is ``row[n]`` in list ``request[n]``? bool ``(N,)``."""
    held = np.sort(lists.segment * n_rows + lists.values)
    if not len(held):
        return np.zeros(len(row), dtype=np.bool_)
    wanted = request * n_rows + row
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.asarray(held[at] == wanted, dtype=np.bool_)


def best(
    source: str,
    catalogue: Catalogue,
    *,
    n_requests: int,
    request: Int64,
    row: Int64,
    score: Array,
    limit: int,
    leave_out: Ragged | None = None,
) -> Candidates:
    """The ``limit`` best pairs of each request, best first; equal scores by catalogue key, so that a result repeats.

    Args:
        source: the source's name.
        catalogue: turns rows into catalogue keys.
        n_requests: ``R``.
        request: int64 ``(N,)``, in [0, R).
        row: int64 ``(N,)``; row 0 is never returned.
        score: ``(N,)``, higher is better; compared as float32; pairs that are not finite are left out.
        limit: rows a request at most.
        leave_out: ``R`` lists of rows that must not be returned.
    """
    value = np.asarray(score, dtype=np.float32)
    kept = np.isfinite(value) & (row != UNKNOWN_ROW)
    if leave_out is not None and len(leave_out.values):
        kept &= ~members(request, row, leave_out, len(catalogue))
    request, row, value = request[kept], row[kept], value[kept]
    item = catalogue.item[row]
    order = np.lexsort((item, -value, request))
    starts = np.concatenate([[0], np.cumsum(np.bincount(request, minlength=n_requests))])
    place = np.arange(len(order)) - starts[request[order]]
    order = order[place < limit]
    counts = np.bincount(request[order], minlength=n_requests)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Candidates.found(source, offsets, item[order], value[order])
