"""The index over the items of a release: which backend it is, its ids are catalogue rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shortlist.core.arrays import Float32
from shortlist.core.errors import ReleaseError
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.load import load_index
from shortlist.retrieval.index.vector_index import VectorIndex

__all__ = ["EXACT_BELOW", "build_item_index", "load_item_index"]

EXACT_BELOW = 50_000
"""Fewer items than this are searched exactly, in about half a millisecond on one core; more by IVF-SQ8."""


def build_item_index(vectors: Float32) -> VectorIndex:
    """Index items by inner product.

    Above ``EXACT_BELOW`` it is IVF-SQ8 with about 2 √V cells, of which three fifths are visited: that holds recall
    above .95 for vectors of very different lengths and queries from elsewhere, in a quarter of the memory (decision
    0008).
    ``shortlist index tune`` finds a faster setting for vectors at hand.

    Args:
        vectors: float32 ``(V + 1, d)``; row 0, the unknown item, is not indexed.

    Example:
        >>> index = build_item_index(np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float32))
        >>> index.search(np.array([[.1, .9]]), 2).ids.tolist()
        [[2, 1]]
    """
    rows = np.arange(1, len(vectors))
    if len(rows) < EXACT_BELOW:
        return ExactIndex().build(vectors[1:], rows)
    cells = int(2 * len(rows) ** 0.5)
    return IvfSq8Index(cells=cells, effort=3 * cells // 5).build(vectors[1:], rows)


def load_item_index(folder: Path, n_items: int) -> VectorIndex:
    """Read what the index's ``save`` wrote.

    Raises:
        ReleaseError: a file is missing or torn, or the index is over another number of items.
    """
    index = load_index(folder)
    if len(index) != n_items:
        raise ReleaseError(
            f"the index holds {len(index)} items, the catalogue {n_items}",
            where=str(folder),
            fix="a release's files belong together; train a new one",
        )
    return index
