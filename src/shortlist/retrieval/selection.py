"""From scored (request, row) pairs to the best candidates of each request: the step that every source shares."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Array, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.features.catalogue import Catalogue
from shortlist.features.row_kernel import distinct_lists, known_lists
from shortlist.retrieval.selection_kernel import best_pairs

__all__ = ["best", "distinct", "known_rows"]


def known_rows(lists: Ragged, catalogue: Catalogue) -> Ragged:
    """Lists of catalogue keys as lists of rows, without the keys that the catalogue does not know."""
    return Ragged(*known_lists(catalogue.rows(lists.values), lists.offsets, len(lists.values)))


def distinct(lists: Ragged) -> Ragged:
    """Each list's rows once, in ascending order.

    Example:
        >>> once = distinct(Ragged.from_lists([[3, 1, 3], [], [2, 2]]))
        >>> once[0].tolist(), once[1].tolist(), once[2].tolist()
        ([1, 3], [], [2])
    """
    return Ragged(*distinct_lists(lists.values, lists.offsets))


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
        request: int64 ``(N,)``, in [0, R), rising.
        row: int64 ``(N,)``; row 0 is never returned.
        score: ``(N,)``, higher is better; compared as float32; pairs that are not finite are left out.
        limit: rows a request at most.
        leave_out: ``R`` lists of rows that must not be returned.
    """
    value = np.ascontiguousarray(score, dtype=np.float32)
    out = Ragged.from_lists([[]] * n_requests) if leave_out is None else leave_out
    offsets, item, value = best_pairs(request, row, value, catalogue.item, out.values, out.offsets, limit)
    return Candidates.found(source, offsets, item, value)
