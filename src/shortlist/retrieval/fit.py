"""Fits every source that a data set supports; imports torch and implicit, so nothing that serves may import it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from shortlist.core.arrays import Float32
from shortlist.core.errors import DataError
from shortlist.datasets.dataset import Dataset
from shortlist.features.catalogue import Catalogue
from shortlist.learning.als import als_item_factors
from shortlist.learning.bpr import BprRecipe, train_bpr
from shortlist.learning.query_tower import train_query_tower
from shortlist.learning.sequence import SequenceRecipe, train_sequence
from shortlist.learning.two_tower import Progress, TwoTowerRecipe, silent, train_two_tower
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.bpr import BprSource, fold_in_map
from shortlist.retrieval.ease import EaseSource
from shortlist.retrieval.field_counts import FieldCounts, FieldWeights
from shortlist.retrieval.fresh import FreshSource
from shortlist.retrieval.item_neighbours import ItemNeighbourSource, liked_matrix
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.little_known import LittleKnownSource, times_met
from shortlist.retrieval.popular import PopularSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer
from shortlist.retrieval.relevance_tuning import SearchWeights, tune
from shortlist.retrieval.sequence import SequenceSource
from shortlist.retrieval.two_tower import TwoTowerSource

__all__ = [
    "RetrievalFact",
    "fit_all",
    "fit_als",
    "fit_bpr",
    "fit_ease",
    "fit_fresh",
    "fit_item_neighbours",
    "fit_lexical",
    "fit_popular",
    "fit_query_tower",
    "fit_relevance",
    "fit_sequence",
    "fit_two_tower",
]

ALS_FACTORS = 32
ALS_CONFIDENCE = 10.0
ALS_REGULARIZATION = 30.0
ALS_ITERATIONS = 10


class RetrievalFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a release's manifest says of one fitted source.

    Attributes:
        source: its name.
        seconds: that fitting took.
        note: what it was fitted on, in words for people.
    """

    source: str
    seconds: float
    note: str


class _Saved(Protocol):
    @property
    def name(self) -> str: ...

    def save(self, folder: Path) -> None: ...


S = TypeVar("S", bound=_Saved)


def fit_popular(interactions: pl.DataFrame, catalogue: Catalogue, *, limit: int = 200) -> PopularSource:
    """Count positives; ``interactions`` hold nothing from after the training end, here and below."""
    return PopularSource.fit(interactions, catalogue, limit=limit)


def fit_item_neighbours(interactions: pl.DataFrame, catalogue: Catalogue, *, limit: int = 200) -> ItemNeighbourSource:
    """Count who liked what together."""
    return ItemNeighbourSource.fit(interactions, catalogue, limit=limit)


def fit_als(interactions: pl.DataFrame, catalogue: Catalogue, *, limit: int = 200, seed: int = 0) -> AlsSource:
    """Factorize who liked what."""
    liked = liked_matrix(interactions, catalogue)
    with threadpool_limits(1, "blas"):  # implicit has threads of its own, and BLAS threads within them slow it down
        factor = als_item_factors(
            liked,
            factors=ALS_FACTORS,
            confidence=ALS_CONFIDENCE,
            regularization=ALS_REGULARIZATION,
            iterations=ALS_ITERATIONS,
            seed=seed,
        )
    return AlsSource(catalogue, factor, confidence=ALS_CONFIDENCE, regularization=ALS_REGULARIZATION, limit=limit)


def fit_ease(interactions: pl.DataFrame, catalogue: Catalogue, *, limit: int = 200) -> EaseSource:
    """Regress every item on the others, in closed form."""
    return EaseSource.fit(interactions, catalogue, limit=limit)


def fit_bpr(
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    *,
    recipe: BprRecipe | None = None,
    limit: int = 200,
    seed: int = 0,
) -> BprSource:
    """Learn to rank what a user liked above the rest, then the map from histories to users."""
    liked = liked_matrix(interactions, catalogue)
    fitted = train_bpr(liked, recipe=recipe, seed=seed)
    factor = np.column_stack([fitted.item, fitted.bias])
    return BprSource(catalogue, factor, fold_in_map(liked, fitted.user, factor), limit=limit)


def fit_fresh(interactions: pl.DataFrame, catalogue: Catalogue, *, limit: int = 200) -> FreshSource:
    """Find out when each item appeared."""
    return FreshSource.fit(interactions, catalogue, limit=limit)


def fit_sequence(
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    *,
    recipe: SequenceRecipe | None = None,
    limit: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> SequenceSource:
    """Train the encoder of histories."""
    encoder = train_sequence(interactions, catalogue, recipe=recipe, seed=seed, progress=progress)
    return SequenceSource(catalogue, encoder, limit=limit)


def fit_two_tower(
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    *,
    recipe: TwoTowerRecipe | None = None,
    limit: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> TwoTowerSource:
    """Train both towers."""
    towers = train_two_tower(interactions, catalogue, recipe=recipe, seed=seed, progress=progress)
    return TwoTowerSource(catalogue, towers, limit=limit)


def fit_lexical(catalogue: Catalogue, *, weights: FieldWeights | None = None, limit: int = 200) -> LexicalSource:
    """Index the catalogue's texts."""
    return LexicalSource.fit(catalogue, weights=weights, limit=limit)


def fit_query_tower(
    catalogue: Catalogue,
    *,
    item_vectors: Float32 | None = None,
    limit: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> QueryTowerSource:
    """Train on queries made up from the catalogue's texts, into the space of ``item_vectors`` or one of its own."""
    tower = train_query_tower(catalogue, item_vectors=item_vectors, rng=seed, progress=progress)
    return QueryTowerSource(catalogue, tower, limit=limit)


def fit_relevance(
    catalogue: Catalogue,
    query_tower: QueryTowerSource,
    judgements: pl.DataFrame | None = None,
    *,
    limit: int = 200,
) -> RelevanceScorer:
    """Index the texts and blend the signals, by weights tuned on graded queries; without any, by the defaults."""
    counts, weights = FieldCounts.of(catalogue), SearchWeights()
    if judgements is not None and len(judgements):
        weights = tune(catalogue, counts, query_tower, judgements)
    lexical = LexicalSource(catalogue, counts.index(weights.fields), limit=limit)
    return RelevanceScorer(catalogue, lexical, query_tower, weights.signals)


def fit_all(
    dataset: Dataset,
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    retrieval: Path,
    *,
    limit: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[RetrievalFact, ...]:
    """Fit what the data set supports and save each source under ``retrieval/<its name>``.

    A catalogue without users gets the search sources only: nothing is known of what is popular there, and no order
    is made up.

    Args:
        dataset: for its kind and its graded queries.
        interactions: those that may be learned from; the caller has cut them at the training end.
        catalogue: the release's items.
        retrieval: the folder to write into.
        limit: candidates a request and source at most.
        seed: of whatever is drawn.
        progress: told what is going on.

    Raises:
        DataError: a data set with users in which nobody liked anything.
    """
    facts: list[RetrievalFact] = []

    def keep(fit: Callable[[], S], note: str) -> S:
        began = time.perf_counter()
        source = fit()
        folder = retrieval / source.name
        folder.mkdir(parents=True, exist_ok=True)
        source.save(folder)
        facts.append(RetrievalFact(source=source.name, seconds=round(time.perf_counter() - began, 2), note=note))
        progress(source.name, 1, 1)
        return source

    vectors: Float32 | None = None
    if dataset.kind != "catalogue":
        positives = interactions["positive"].sum()
        if not positives:
            raise DataError(
                "no interaction is positive, so there is nothing to learn from",
                where=f"data set {dataset.name!r}, table interactions",
                fix="give interactions of which some are positive, or a catalogue alone",
            )
        note = f"{positives:,} positives ({dataset.positive_means})"
        keep(lambda: fit_popular(interactions, catalogue, limit=limit), note)
        keep(lambda: fit_item_neighbours(interactions, catalogue, limit=limit), note)
        keep(lambda: fit_als(interactions, catalogue, limit=limit, seed=seed), note)
        towers = keep(lambda: fit_two_tower(interactions, catalogue, limit=limit, seed=seed, progress=progress), note)
        keep(lambda: fit_fresh(interactions, catalogue, limit=limit), "when each item appeared")
        LittleKnownSource.save(retrieval / LittleKnownSource.name, times_met(interactions, catalogue))
        vectors = towers.item_vectors
    tower = keep(
        lambda: fit_query_tower(catalogue, item_vectors=vectors, limit=limit, seed=seed, progress=progress),
        "queries made up from the items' own texts, typing errors included: no log of real queries was at hand",
    )
    graded = dataset.judgements["query"].n_unique()
    weights_from = f"weights tuned on {graded} graded queries" if graded else "default weights, no graded queries"
    relevance = keep(lambda: fit_relevance(catalogue, tower, dataset.judgements, limit=limit), weights_from)
    keep(lambda: relevance.lexical, f"the texts of {len(catalogue) - 1:,} items, {weights_from}")
    return tuple(facts)
