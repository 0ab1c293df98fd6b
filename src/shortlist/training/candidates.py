"""Candidates as the feed serves them: the same sources, the same merge, the same filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.columns import RETRIEVAL_SCORE
from shortlist.core.request import RequestBatch
from shortlist.core.stages import Source
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue
from shortlist.funnel.filters import SeenFilter
from shortlist.retrieval.load import FEED_WEIGHTS

__all__ = ["merged", "retrieved", "shown_candidates"]


def merged(found: Sequence[Candidates], batch: RequestBatch, catalogue: Catalogue) -> Candidates:
    """What several sources found as the feed merges it, without what the user has seen or the catalogue lacks."""
    candidates = merge(found, weights=FEED_WEIGHTS)
    candidates = candidates.keep(catalogue.rows(candidates.item) != UNKNOWN_ROW)
    return candidates.keep(SeenFilter().filter(batch, candidates).kept)


def retrieved(sources: Sequence[Source], batch: RequestBatch, catalogue: Catalogue) -> Candidates:
    """The feed's candidates for a batch."""
    return merged([source.retrieve(batch) for source in sources], batch, catalogue)


def shown_candidates(sources: Sequence[Source], batch: RequestBatch, shown: Ragged, catalogue: Catalogue) -> Candidates:
    """What was shown, as candidates: with the ranks and scores that the sources give, and none where none found it.

    Args:
        sources: the feed's.
        batch: the requests.
        shown: catalogue keys a request.
        catalogue: items that it does not know are left out.
    """
    found = retrieved(sources, batch, catalogue)
    known = catalogue.rows(shown.values) != UNKNOWN_ROW
    item, request = shown.values[known], shown.segment[known]
    pairs = np.concatenate([found.item, item])
    _, place = np.unique(pairs, return_inverse=True)
    stride = int(place.max(initial=0)) + 1
    have = found.request_index * stride + place[: len(found)]
    wanted = request * stride + place[len(found) :]
    order = np.argsort(have, kind="stable")
    at = np.minimum(np.searchsorted(have[order], wanted), max(len(have) - 1, 0))
    row = order[at] if len(have) else np.zeros(len(wanted), dtype=np.int64)
    hit = have[row] == wanted if len(have) else np.zeros(len(wanted), dtype=np.bool_)
    s = len(found.source_names)
    rank = np.full((len(item), s), -1, dtype=np.int32)
    score = np.full((len(item), s), np.nan, dtype=np.float32)
    mask = np.zeros(len(item), dtype=np.uint64)
    fused = np.zeros(len(item))
    rank[hit], score[hit] = found.source_rank[row[hit]], found.source_score[row[hit]]
    mask[hit], fused[hit] = found.source_mask[row[hit]], found[RETRIEVAL_SCORE][row[hit]]
    counts = np.bincount(request, minlength=len(batch))
    return Candidates(
        request_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        key=np.arange(len(item), dtype=np.int64),
        item=item,
        source_names=found.source_names,
        source_mask=mask,
        source_rank=rank,
        source_score=score,
        columns={RETRIEVAL_SCORE: fused},
    )
