"""Reading a saved index, whatever its backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shortlist.core.errors import ReleaseError
from shortlist.retrieval.index.card import read_card
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.ivf_pq import IvfPqIndex
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.reduction import ReducedHnswIndex
from shortlist.retrieval.index.scann_index import ScannIndex
from shortlist.retrieval.index.vector_index import VectorIndex

__all__ = ["BACKENDS", "load_index"]

BACKENDS: tuple[type[VectorIndex], ...] = (
    ExactIndex,
    HnswIndex,
    ReducedHnswIndex,
    IvfFlatIndex,
    IvfSq8Index,
    IvfPqIndex,
    ScannIndex,
)
"""Every backend there is."""


def load_index(folder: Path, *, mmap: bool = False) -> VectorIndex:
    """What ``save`` wrote.

    Args:
        folder: where it was saved.
        mmap: leave the vectors in the file and let the system read what is asked for; such an index can be searched
            but not changed, and processes that map the same file share its memory.

    Raises:
        ReleaseError: a file is missing, torn or belongs to another index.
        DataError: the backend is not installed here.
    """
    card, ids = read_card(folder, mmap=mmap)
    wrong = ReleaseError("the card does not describe an index", where=str(folder), fix="build the index anew")
    kind = next((backend for backend in BACKENDS if backend.kind == card.kind), None)
    if kind is None:
        raise wrong
    try:
        index = kind(card.metric, effort=card.effort, **card.knobs)
    except TypeError:
        raise wrong from None
    index.restore(folder, card, np.asarray(ids), mmap=mmap)
    return index
