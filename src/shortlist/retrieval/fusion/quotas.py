"""Quotas: how many places each source is sure of before the ranker is asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shortlist.core.arrays import Bool
from shortlist.core.candidates import Candidates

__all__ = ["within_quotas"]


def within_quotas(candidates: Candidates, quotas: Mapping[str, int]) -> Candidates:
    """The rows that at least one of their sources has among its first ``quota``.

    A quota bounds what a source may cost the stages behind it, and keeps its best items from being crowded out, as a
    cut by the fused score would: what is fresh or for few people only is agreed upon by no other source.

    Args:
        candidates: a merged batch.
        quotas: rows a request and source; a source that is not named has no bound.

    Example:
        >>> from shortlist.core.candidates import merge
        >>> offsets = np.array([0, 2])
        >>> a = Candidates.found("a", offsets, np.array([1, 2]), np.array([.9, .8]))
        >>> b = Candidates.found("b", offsets, np.array([3, 2]), np.array([5., 4.]))
        >>> sorted(within_quotas(merge([a, b]), {"a": 1, "b": 2}).item.tolist())
        [1, 2, 3]
    """
    rank = candidates.source_rank
    unbounded = np.iinfo(np.int32).max
    quota = np.array([quotas.get(name, unbounded) for name in candidates.source_names], dtype=np.int64)
    within: Bool = np.logical_and(rank >= 0, rank < quota)
    return candidates.keep(np.asarray(within.any(axis=1), dtype=np.bool_))
