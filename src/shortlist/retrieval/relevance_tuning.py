"""The weights of fields and signals from graded queries, and what they are worth on queries they have not seen."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.core.candidates import merge
from shortlist.core.randomness import Rng, generator
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.field_counts import FieldCounts, FieldWeights
from shortlist.retrieval.graded_queries import GradedQueries
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer, RelevanceWeights

__all__ = ["RelevanceCheck", "SearchWeights", "cross_validate", "folds_of", "tune"]

_NEUTRAL = FieldWeights(title=1.0, brand=1.0, categories=1.0, summary=1.0, details=1.0, written=0.0)
"""Where the search begins. Not at the defaults: those have seen Icecat's queries, and would leak them."""

_CHOICES = {
    "title": (1.0, 2.0, 3.0),
    "summary": (1.0, 2.0, 3.0),
    "details": (0.15, 0.3, 0.6),
    "categories": (0.2, 0.5, 1.0),
    "written": (0.0, 0.25, 0.5),
}
_ROUNDS = 3
_BLENDS = tuple(
    RelevanceWeights(lexical=1.0, affinity=affinity, tower=tower)
    for affinity, tower in itertools.product((0.0, 0.1, 0.2), (0.05, 0.1, 0.2))
)
"""The tower never has weight 0: a query with a typing error in each of its words is scored by nothing else."""


class SearchWeights(msgspec.Struct, frozen=True):
    """All that is tuned: what the lexical source is indexed with, and what the relevance score blends."""

    fields: FieldWeights = FieldWeights()
    signals: RelevanceWeights = RelevanceWeights()


@dataclass(frozen=True, slots=True, eq=False)
class RelevanceCheck:
    """Figures a query, float64 ``(3, Q)`` each.

    The rows are NDCG@10 of the judged items alone, put in order; NDCG@10 of the whole retrieval, where items that
    nobody judged count as irrelevant; recall@100 of the upper half of the grades (``GradedQueries``).

    Attributes:
        queries: the texts.
        relevance: by relevance, with weights tuned on the other folds' queries.
        lexical: by the lexical source alone, with the same fields' weights.
        weights: those that each query was scored with.
    """

    queries: tuple[str, ...]
    relevance: Float64
    lexical: Float64
    weights: tuple[SearchWeights, ...]


class _Trials:
    """Figures of all graded queries under any weights; each weighing of the fields is tried once."""

    def __init__(
        self, catalogue: Catalogue, counts: FieldCounts, query_tower: QueryTowerSource, judgements: pl.DataFrame
    ) -> None:
        self.graded = GradedQueries(catalogue, judgements)
        self._catalogue, self._tower = catalogue, query_tower
        self._counts = counts.only(self.graded.queries)
        self._near = query_tower.retrieve(self.graded.batch)
        self._tried: dict[FieldWeights, tuple[Float64, Float64]] = {}

    def of(self, fields: FieldWeights) -> tuple[Float64, Float64]:
        """Of every blend, ``(blends, 3, Q)``, and of the lexical source alone, ``(3, Q)``."""
        if fields not in self._tried:
            self._tried[fields] = self._try(fields)
        return self._tried[fields]

    def best(self, queries: Bool) -> tuple[SearchWeights, int]:
        """The weights with the best mean of the three figures over some queries, and the number of their blend.

        One weight of a field after the other is set to its best value, three rounds at most, each with the best blend
        there is for it. A value that is no better changes nothing.
        """

        def worth(fields: FieldWeights) -> tuple[float, int]:
            figures = self.of(fields)[0][:, :, queries]
            known = np.maximum((~np.isnan(figures)).sum(axis=2), 1)
            mean = (np.nansum(figures, axis=2) / known).mean(axis=1)
            return float(mean.max()), int(mean.argmax())

        held, (reached, blend) = _NEUTRAL, worth(_NEUTRAL)
        for _ in range(_ROUNDS):
            before = held
            for name, values in _CHOICES.items():
                for value in values:
                    tried = msgspec.structs.replace(held, **{name: value})
                    found, of_blend = worth(tried)
                    if found > reached:
                        held, reached, blend = tried, found, of_blend
            if held == before:
                break
        return SearchWeights(held, _BLENDS[blend]), blend

    def _try(self, fields: FieldWeights) -> tuple[Float64, Float64]:
        lexical = LexicalSource(self._catalogue, self._counts.index(fields))
        words, graded = lexical.retrieve(self.graded.batch), self.graded
        found = merge([words, self._near])
        scorer = RelevanceScorer(self._catalogue, lexical, self._tower)
        of_judged = scorer.signals(graded.queries, graded.query, graded.row)
        of_found = scorer.signals(graded.queries, found.request_index, self._catalogue.rows(found.item))
        grade = graded.grades(found)
        blends = [
            (graded.judged(of_judged @ vector), *graded.retrieved(found, grade, of_found @ vector))
            for vector in (blend.vector() for blend in _BLENDS)
        ]
        own = graded.retrieved(words, graded.grades(words), words.source_score[:, 0])
        alone = (graded.judged(of_judged[:, 0]), *own)
        return np.array(blends), np.array(alone)


def tune(
    catalogue: Catalogue, counts: FieldCounts, query_tower: QueryTowerSource, judgements: pl.DataFrame
) -> SearchWeights:
    """The weights with the best mean of the figures that ``RelevanceCheck`` describes.

    Args:
        catalogue: the release's items.
        counts: of their words.
        query_tower: fitted.
        judgements: schema ``JUDGEMENTS``.
    """
    trials = _Trials(catalogue, counts, query_tower, judgements)
    return trials.best(np.ones(len(trials.graded.queries), dtype=np.bool_))[0]


def cross_validate(
    catalogue: Catalogue,
    counts: FieldCounts,
    query_tower: QueryTowerSource,
    judgements: pl.DataFrame,
    *,
    folds: int = 5,
    rng: Rng = 0,
) -> RelevanceCheck:
    """What ``tune`` is worth: each query is scored with weights tuned on the queries of the other folds.

    Args:
        catalogue: the release's items.
        counts: of their words.
        query_tower: fitted.
        judgements: schema ``JUDGEMENTS``.
        folds: of queries.
        rng: of the assignment to folds.
    """
    trials = _Trials(catalogue, counts, query_tower, judgements)
    queries = trials.graded.queries
    fold = folds_of(len(queries), folds=folds, rng=rng)
    relevance, alone = np.empty((3, len(queries))), np.empty((3, len(queries)))
    chosen: dict[int, SearchWeights] = {}
    for part in range(folds):
        held_out = fold == part
        chosen[part], blend = trials.best(~held_out)
        of_blend, lexical = trials.of(chosen[part].fields)
        relevance[:, held_out], alone[:, held_out] = of_blend[blend][:, held_out], lexical[:, held_out]
    return RelevanceCheck(queries, relevance, alone, tuple(chosen[int(part)] for part in fold))


def folds_of(n_queries: int, *, folds: int, rng: Rng) -> Int64:
    """The fold of each query, int64 ``(Q,)``: as even as can be, drawn."""
    return generator(rng).permutation(n_queries) % folds
