"""How well an item answers a query: words, categories and the query tower, blended into one number in [0, 1]."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import RANK_SCORE, RELEVANCE, Column
from shortlist.core.errors import ReleaseError
from shortlist.core.merge_kernel import owners
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.bm25f import WordScores
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.query_tower import QueryTowerSource

__all__ = ["SIGNALS", "RelevanceScorer", "RelevanceWeights"]

SIGNALS = ("lexical", "affinity", "tower")
"""The columns of ``RelevanceScorer.signals``, in order; each is in [0, 1]."""

_AFFINITY_FROM = 20
_AT_ONCE = 256
_FILE = "weights.json"


class RelevanceWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The weight of each signal; none negative, at least one positive. Only their ratios matter.

    The defaults are what ``relevance_tuning.tune`` finds on the graded queries of the Icecat catalogue.

    Attributes:
        lexical: the score of the lexical source, divided by the query's best in the catalogue.
        affinity: the share of an item's categories among the best lexical matches, by score.
        tower: the cosine of query tower and item, negative ones cut to 0.
    """

    lexical: float = 1.0
    affinity: float = 0.1
    tower: float = 0.1

    def vector(self) -> Float64:
        """float64 ``(3,)`` in the order of ``SIGNALS``, summing to 1."""
        weights = np.array([getattr(self, name) for name in SIGNALS], dtype=np.float64)
        total: Float64 = weights / weights.sum()
        return total


class RelevanceScorer:
    """``RELEVANCE = weights · signals``, in [0, 1]; ``RANK_SCORE`` is the same number.

    Every signal of a pair depends on the query and the catalogue alone, not on which other items are candidates, so
    that a score means the same on every page.

    Args:
        catalogue: the release's items.
        lexical: scores by words.
        query_tower: scores by vectors.
        weights: of the signals.
    """

    name = "relevance"

    def __init__(
        self,
        catalogue: Catalogue,
        lexical: LexicalSource,
        query_tower: QueryTowerSource,
        weights: RelevanceWeights | None = None,
    ) -> None:
        self.weights = weights or RelevanceWeights()
        self._catalogue = catalogue
        self.lexical = lexical
        self._tower = query_tower
        self._weight = self.weights.vector()

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """``RELEVANCE`` and ``RANK_SCORE``, float64 ``(N,)``."""
        queries = [request.query for request in batch.requests]
        rows = self._catalogue.rows(candidates.item)
        relevance = self.signals(queries, candidates.request_index, rows) @ self._weight
        return {RELEVANCE: relevance, RANK_SCORE: relevance}

    def signals(self, queries: Sequence[str], request: Int64, row: Int64) -> Float64:
        """What the score is made of.

        Args:
            queries: ``R`` texts.
            request: int64 ``(N,)``, the query of each pair, never falling.
            row: int64 ``(N,)``, the item of each pair.

        Returns:
            float64 ``(N, 3)`` in the order of ``SIGNALS``, each in [0, 1].
        """
        found = np.empty((len(row), len(SIGNALS)))
        edges = np.searchsorted(request, np.arange(0, len(queries) + _AT_ONCE, _AT_ONCE))
        for part, (start, end) in enumerate(itertools.pairwise(edges)):
            asked = queries[part * _AT_ONCE : (part + 1) * _AT_ONCE]
            found[start:end] = self._some(asked, request[start:end] - part * _AT_ONCE, row[start:end])
        return found

    def _some(self, queries: Sequence[str], request: Int64, row: Int64) -> Float64:
        scores = _by_best(self.lexical.score(queries))
        affinity = self._affinity(scores)
        tower = self._tower.query_vectors(queries)
        return np.stack(
            [
                _pick(scores, request, row),
                np.einsum("nc,nc->n", affinity.take(request, 0), self._catalogue.category_matrix.take(row, 0)),
                np.einsum("nd,nd->n", tower.take(request, 0), self._tower.item_vectors.take(row, 0)),
            ],
            axis=1,
        ).clip(0.0, 1.0)

    def _affinity(self, scores: WordScores) -> Float32:
        """Score-weighted shares of the categories among the 20 best lexical matches, the greatest one 1: ``(R, C)``.

        Feedback from the top results (pseudo-relevance feedback: Rocchio 1971; Croft & Harper 1979), on categories.
        """
        matrix = self._catalogue.category_matrix
        share = np.zeros((len(scores.offsets) - 1, matrix.shape[1]), dtype=np.float32)
        for request, (start, end) in enumerate(itertools.pairwise(scores.offsets.tolist())):
            near = start + _greatest(scores.value[start:end], _AFFINITY_FROM)
            share[request] = scores.value[near] @ matrix.take(scores.item[near], 0)
        return np.asarray(share / np.maximum(share.max(axis=1, initial=0.0)[:, None], 1e-12), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the weights."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(msgspec.json.format(msgspec.json.encode(self.weights)))

    @classmethod
    def load(
        cls, folder: Path, catalogue: Catalogue, *, lexical: LexicalSource, query_tower: QueryTowerSource
    ) -> RelevanceScorer:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file is missing or torn.
        """
        path = folder / _FILE
        try:
            weights = msgspec.json.decode(path.read_bytes(), type=RelevanceWeights)
        except (OSError, msgspec.DecodeError):
            raise ReleaseError("the weights cannot be read", where=str(path), fix="train a new release") from None
        return cls(catalogue, lexical, query_tower, weights)


def _by_best(scores: WordScores) -> WordScores:
    """Each query's scores divided by the greatest of them."""
    held = np.diff(scores.offsets)
    greatest = np.ones(len(held), dtype=np.float32)
    if len(scores.value):
        greatest[held > 0] = np.maximum.reduceat(scores.value, scores.offsets[:-1][held > 0])
    value = np.asarray(scores.value / np.repeat(greatest, held), dtype=np.float32)
    return scores._replace(value=value)


def _greatest(values: Float32, n: int) -> Int64:
    """Where the ``n`` greatest values lie, the greatest first, the earlier among equals."""
    if len(values) <= n:
        return np.argsort(-values, kind="stable")
    near = np.flatnonzero(values >= np.partition(values, len(values) - n)[len(values) - n])
    return near[np.argsort(-values[near], kind="stable")[:n]]


def _pick(scores: WordScores, request: Int64, row: Int64) -> Float32:
    """The values of pairs, 0 where none is stored."""
    if not len(scores.value):
        return np.zeros(len(row), dtype=np.float32)
    stored = owners(scores.offsets) * scores.n_items + scores.item
    wanted = request * scores.n_items + row
    at = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return np.where(stored[at] == wanted, scores.value[at], np.float32(0.0))
