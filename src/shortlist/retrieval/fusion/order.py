"""Puts merged candidates into the order of a fused score."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RETRIEVAL_SCORE

__all__ = ["ordered_by"]


def ordered_by(candidates: Candidates, score: Float64) -> Candidates:
    """The same rows with ``score`` as their ``RETRIEVAL_SCORE``, each request's best first; ties by item.

    Args:
        candidates: a merged batch; every row keeps the mask, ranks and scores of all its sources.
        score: float64 ``(N,)``, from ``reciprocal_rank`` or ``interleave``.
    """
    order = np.lexsort((candidates.item, -score, candidates.request_index))
    return candidates.with_columns({RETRIEVAL_SCORE: score}).arrange(order, candidates.request_offsets)
