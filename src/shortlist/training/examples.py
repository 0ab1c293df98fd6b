"""Rows that a ranker learns from: features, labels, and negatives thinned at a known rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Bool, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.randomness import Rng, generator
from shortlist.core.stages import Source
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeatureRows, FeedFeatures
from shortlist.training.candidates import retrieved, shown_candidates
from shortlist.training.requests import LabelledRequests

__all__ = ["AT_ONCE", "Examples", "batches", "candidates_of", "make_examples"]

AT_ONCE = 128
"""Requests that are worked on at once; bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows with labels.

    Attributes:
        rows: the features.
        label: bool ``(N,)``, liked.
        met: bool ``(N,)``, met at all; see ``LabelledRequests``.
        item: int64 ``(N,)``, catalogue keys.
        user: int64 ``(N,)``.
        negative_rate: the chance with which each negative was kept.
    """

    rows: FeatureRows
    label: Bool
    met: Bool
    item: Int64
    user: Int64
    negative_rate: float

    def __len__(self) -> int:
        return len(self.label)


def batches(requests: LabelledRequests) -> Iterator[LabelledRequests]:
    """The requests in runs of ``AT_ONCE``."""
    for start in range(0, len(requests), AT_ONCE):
        yield requests.part(start, min(start + AT_ONCE, len(requests)))


def candidates_of(sources: Sequence[Source], requests: LabelledRequests, catalogue: Catalogue) -> Candidates:
    """The rows whose probability the model states: what was shown, or where a log holds none of that, what is found."""
    if requests.kind == "impressions":
        return shown_candidates(sources, requests.batch, requests.shown, catalogue)
    return retrieved(sources, requests.batch, catalogue)


def make_examples(
    sources: Sequence[Source],
    features: FeedFeatures,
    requests: LabelledRequests,
    *,
    negative_rate: float,
    rng: Rng,
    progress: Callable[[int, int], None] | None = None,
) -> Examples:
    """Candidates, their features and labels; each negative is kept with chance ``negative_rate``, by itself.

    Args:
        sources: the feed's, fitted on events before the requests.
        features: with tables fitted on events before the requests.
        requests: with outcomes.
        negative_rate: in (0, 1]; 1 keeps everything.
        rng: of the thinning.
        progress: told of the requests done.
    """
    random = generator(rng)
    rows: list[FeatureRows] = []
    labels: list[Bool] = []
    met: list[Bool] = []
    items: list[Int64] = []
    users: list[Int64] = []
    done = 0
    for part in batches(requests):
        candidates = candidates_of(sources, part, features.catalogue)
        label = part.liked.contains(candidates.request_index, candidates.item)
        kept = label | (random.random(len(label)) < negative_rate)
        # All rows get their features, as in serving; the thinning is of what goes on to the model.
        rows.append(features.compute(part.batch, candidates).keep(kept))
        labels.append(label[kept])
        met.append(part.met.contains(candidates.request_index[kept], candidates.item[kept]))
        items.append(candidates.item[kept])
        users.append(part.users[candidates.request_index[kept]])
        done += len(part)
        if progress is not None:
            progress(done, len(requests))
    return Examples(
        rows=FeatureRows.join(rows),
        label=np.concatenate(labels),
        met=np.concatenate(met),
        item=np.concatenate(items),
        user=np.concatenate(users),
        negative_rate=negative_rate,
    )
