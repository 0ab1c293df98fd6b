"""The feed ranker's features: one function for training and for the request path, so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shortlist.core.arrays import Bool, Float32, Int64, Ragged
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RETRIEVAL_SCORE, ROW
from shortlist.core.errors import ReleaseError
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import UNKNOWN_ROW, Catalogue
from shortlist.features.feed_kernel import write_counted, write_found, write_likeness, write_requests
from shortlist.features.row_kernel import known_lists
from shortlist.features.spec import CategoricalFeature, DenseFeature, FeatureSpec, MultiValuedFeature
from shortlist.features.statistics import ItemStatistics
from shortlist.features.transitions import Transitions

__all__ = ["FeatureRows", "FeedFeatures", "padded_categories"]

_RECENT = 20
"""The latest items that count as recent."""
_LIKED_AT_MOST = 200
"""The latest liked items that an affinity is over."""
_CATEGORIES_AT_MOST = 8

_REQUEST = (
    DenseFeature("n_liked", "log1p of the items liked so far"),
    DenseFeature("n_seen", "log1p of the items dealt with so far"),
    DenseFeature("like_share", "(liked + 1) / (dealt with + 2)"),
    DenseFeature("recent_met", "mean of the recent items' log popularity"),
    DenseFeature("recent_like_rate", "mean of the recent items' like rate"),
    DenseFeature("recent_age", "mean of the recent items' log age"),
)
_CANDIDATE = (
    DenseFeature("retrieval_score", "100 times reciprocal rank fusion"),
    DenseFeature("n_sources", "sources that found the item"),
    DenseFeature("met", "log popularity among all events"),
    DenseFeature("liked", "log popularity among positives"),
    DenseFeature("lately", "log popularity among the latest fifth of the events"),
    DenseFeature("like_rate", "smoothed share of positives"),
    DenseFeature("age", "log1p of the days since release"),
    DenseFeature("has_age", "1 where the release is known"),
    DenseFeature("met_gap", "log popularity minus the mean of the recent items'"),
    DenseFeature("age_gap", "log age minus the mean of the recent items'"),
    DenseFeature("category_liked", "mean cosine of categories with the liked items"),
    DenseFeature("category_recent", "mean cosine of categories with the recent items"),
    DenseFeature("near_liked", "mean cosine of item vectors with the liked items"),
    DenseFeature("near_recent", "mean cosine of item vectors with the recent items"),
    DenseFeature("near_last", "cosine of item vectors with the last item"),
    DenseFeature("nearest_recent", "greatest cosine of item vectors with a recent item"),
    DenseFeature("follows", "log of the mean transition from the recent items"),
    DenseFeature("follows_last", "log of the mean transition from the last three items"),
)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRows:
    """The features of a batch, in the order of a ``FeatureSpec``.

    Attributes:
        request: float32 ``(R, r)``, dense features of the requests.
        index: int64 ``(N,)``, the request of each row.
        candidate: float32 ``(N, c)``, dense features of the rows.
        row: int64 ``(N,)``, the item's row in the release.
        categories: int64 ``(N, L)``, numbers of its categories from 1, padded with 0.
    """

    request: Float32
    index: Int64
    candidate: Float32
    row: Int64
    categories: Int64

    def keep(self, mask: Bool) -> FeatureRows:
        """The rows where ``mask`` (bool ``(N,)``) holds; every request stays."""
        return FeatureRows(self.request, self.index[mask], self.candidate[mask], self.row[mask], self.categories[mask])

    @classmethod
    def join(cls, parts: Sequence[FeatureRows]) -> FeatureRows:
        """Batches one behind the other, as one."""
        first = np.concatenate([[0], np.cumsum([len(part.request) for part in parts])])
        return cls(
            np.concatenate([part.request for part in parts]),
            np.concatenate([part.index + start for part, start in zip(parts, first[:-1], strict=True)]),
            np.concatenate([part.candidate for part in parts]),
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.categories for part in parts]),
        )


class FeedFeatures:
    """Turns requests with histories and their candidates into a ranker's inputs.

    Args:
        catalogue: the release's items.
        statistics: of the items, fitted on events before those it is used for.
        transitions: likewise.
        item_vectors: float32 ``(V + 1, d)`` of length 1; zeros where there is none.
        sources: the sources whose ranks and scores are features, in order. One that a request went without counts as
            one that found nothing.
        limit: candidates a source brings at most; the rank of what it did not find.
        vocabulary: rows that a model has an id for; those behind, added since its training, are the unknown id to it.
            All of the catalogue where it is not given.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        statistics: ItemStatistics,
        transitions: Transitions,
        item_vectors: Float32,
        *,
        sources: tuple[str, ...],
        limit: int,
        vocabulary: int | None = None,
    ) -> None:
        self.vocabulary = len(catalogue) if vocabulary is None else vocabulary
        self.catalogue, self.statistics, self.transitions = catalogue, statistics, transitions
        self.item_vectors = item_vectors
        self.sources, self.limit = sources, limit
        matrix = catalogue.category_matrix
        length = np.sqrt(matrix.sum(axis=1, keepdims=True))
        s = statistics
        self._counted: Float32 = np.column_stack([s.met, s.liked, s.lately, s.like_rate, s.age, s.has_age]).astype(
            np.float32
        )
        self._log_rank: Float32 = np.log1p(np.arange(limit + 1)).astype(np.float32)
        self._category_vectors: Float32 = (matrix / np.maximum(length, 1.0)).astype(np.float32)
        longest = int(matrix[: self.vocabulary].sum(axis=1).max(initial=0.0))
        self._categories = padded_categories(matrix, longest=longest)
        self.spec = FeatureSpec(
            request=_REQUEST,
            candidate=_CANDIDATE + tuple(feature for name in sources for feature in _of_source(name, limit)),
            categorical=(CategoricalFeature("item", self.vocabulary),),
            multi_valued=(MultiValuedFeature("categories", len(catalogue.categories) + 1, self._categories.shape[1]),),
        )

    def compute(self, batch: RequestBatch, candidates: Candidates) -> FeatureRows:
        """The features of every row.

        Args:
            batch: requests with ``history`` and ``seen``.
            candidates: with ``RETRIEVAL_SCORE``.
        """
        row = candidates[ROW] if ROW in candidates else self.catalogue.rows(candidates.item)
        index = candidates.request_index
        starts = candidates.request_offsets
        liked, recent = self._latest(batch.history, _LIKED_AT_MOST), self._latest(batch.seen, _RECENT)
        request = np.empty((len(batch), len(_REQUEST)), dtype=np.float32)
        write_requests(batch.history.offsets, batch.seen.offsets, recent.values, recent.offsets, self._counted, request)
        out = np.empty((len(row), len(self.spec.candidate)), dtype=np.float32)
        held = np.array([n for n, name in enumerate(candidates.source_names) if name in self.sources], dtype=np.int64)
        write_counted(
            candidates[RETRIEVAL_SCORE], candidates.source_rank, held, row, self._counted, request, index, out
        )
        write_likeness(
            self._category_vectors,
            self.item_vectors,
            liked.values,
            liked.offsets,
            recent.values,
            recent.offsets,
            row,
            starts,
            out,
        )
        # To what was fitted before an item was added, the item is row 0.
        known, met = self._known(row), Ragged(self._known(recent.values), recent.offsets)
        out[:, 16:18] = np.log(self.transitions.scores(met, known, starts, last=(_RECENT, 3)) + 1e-3)
        for place, name in enumerate(self.sources):
            first = len(_CANDIDATE) + 3 * place
            at = candidates.source_names.index(name) if name in candidates.source_names else -1
            write_found(candidates.source_rank, candidates.source_score, at, self._log_rank, first, out)
        return FeatureRows(request, index, out, known, self._categories.take(row, axis=0))

    def extended(self, catalogue: Catalogue, item_vectors: Float32) -> FeedFeatures:
        """The features for the same model over a catalogue to which items were added.

        An added item has its own text, categories, age and vector; of everything that is counted, it has what an item
        has that nobody met; and its id is the unknown one, row 0, for which the model was trained by forgetting ids.

        Args:
            catalogue: whose first rows are those that this was made with.
            item_vectors: float32 ``(V + added + 1, d)``.
        """
        statistics = self.statistics.extended(catalogue)
        return FeedFeatures(
            catalogue,
            statistics,
            self.transitions,
            item_vectors,
            sources=self.sources,
            limit=self.limit,
            vocabulary=self.vocabulary,
        )

    def _known(self, row: Int64) -> Int64:
        return row if self.vocabulary == len(self.catalogue) else np.where(row < self.vocabulary, row, UNKNOWN_ROW)

    def _latest(self, lists: Ragged, n: int) -> Ragged:
        """Rows of each list's last ``n`` items, of these those that the catalogue knows."""
        return Ragged(*known_lists(self.catalogue.rows(lists.values), lists.offsets, n))

    def save(self, folder: Path) -> None:
        """Write the tables."""
        save_file({"item_vectors": self.item_vectors}, folder / "item_vectors.safetensors")
        self.statistics.save(folder / "statistics.safetensors")
        self.transitions.save(folder / "transitions.safetensors")

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue, *, sources: tuple[str, ...], limit: int) -> FeedFeatures:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: a file is missing or belongs to another catalogue.
        """
        statistics = ItemStatistics.load(folder / "statistics.safetensors", catalogue)
        transitions = Transitions.load(folder / "transitions.safetensors", catalogue)
        path = folder / "item_vectors.safetensors"
        try:
            vectors = load_file(path)["item_vectors"]
        except (OSError, SafetensorError, KeyError):
            raise ReleaseError("the item vectors cannot be read", where=str(path), fix="train a new release") from None
        if len(vectors) != len(catalogue):
            raise ReleaseError(
                "the item vectors are of another catalogue", where=str(path), fix="a release's files belong together"
            )
        return cls(catalogue, statistics, transitions, vectors, sources=sources, limit=limit)


def _of_source(name: str, limit: int) -> tuple[DenseFeature, DenseFeature, DenseFeature]:
    return (
        DenseFeature(f"{name}_found", "1 where the source found the item"),
        DenseFeature(f"{name}_rank", f"log1p of its rank from 0, {limit} where it was not found"),
        DenseFeature(f"{name}_score", "its score, 0 where it was not found"),
    )


def padded_categories(matrix: Float32, *, longest: int) -> Int64:
    """Each row's category numbers from 1, at most ``longest`` and eight, padded with 0: int64 ``(V + 1, L)``."""
    longest = min(_CATEGORIES_AT_MOST, max(1, longest))
    padded = np.zeros((len(matrix), longest), dtype=np.int64)
    row, category = np.nonzero(matrix)
    place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    kept = place < longest
    padded[row[kept], place[kept]] = category[kept] + 1
    return padded
