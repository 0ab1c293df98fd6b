"""The items nearest to a batch of vectors: the search that ALS and the towers share."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Bool, Float32, Ragged
from shortlist.core.candidates import Candidates
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.index.vector_index import VectorIndex
from shortlist.retrieval.selection import best
from shortlist.retrieval.selection_kernel import not_zero

__all__ = ["nearest"]


def nearest(
    source: str,
    catalogue: Catalogue,
    index: VectorIndex,
    vectors: Float32,
    *,
    limit: int,
    leave_out: Ragged | None = None,
    allowed: Bool | None = None,
) -> Candidates:
    """The ``limit`` items with the greatest inner product.

    The index is asked for as many rows more as the longest list to leave out holds. A request whose vector is zero
    (nothing is known about it) finds nothing.

    Args:
        source: the source's name.
        catalogue: the release's items.
        index: over the items' vectors, by inner product; its ids are catalogue rows.
        vectors: float32 ``(R, d)``, one a request.
        limit: candidates a request at most.
        leave_out: ``R`` lists of rows that must not be returned.
        allowed: bool ``(V + 1,)``, the rows that may be found; all without it.
    """
    asking = not_zero(vectors)
    if not len(asking):
        return Candidates.none(len(vectors), (source,))
    more = 0 if leave_out is None else int(leave_out.lengths[asking].max(initial=0))
    row, score = index.search(vectors[asking], min(limit + more, max(len(index), 1)), allowed=allowed)
    return best(
        source,
        catalogue,
        n_requests=len(vectors),
        request=np.repeat(asking, row.shape[1]),
        row=row.ravel(),
        score=score.ravel(),
        limit=limit,
        leave_out=leave_out,
    )
