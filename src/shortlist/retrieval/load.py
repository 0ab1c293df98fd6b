"""The sources of a release, ready to serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from shortlist.core.stages import Source
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.item_neighbours import ItemNeighbourSource
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.popular import PopularSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer
from shortlist.retrieval.two_tower import TwoTowerSource

__all__ = ["FEED_WEIGHTS", "SEARCH_WEIGHTS", "SearchSources", "load_feed_sources", "load_search_sources"]

FEED_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {PopularSource.name: 0.25, ItemNeighbourSource.name: 0.25, AlsSource.name: 0.25, TwoTowerSource.name: 1.0}
)
"""Weights of the feed's sources in ``merge``, chosen by recall@50 on MovieLens-100K, on requests between 60% and 80%
of its time; reported figures come from the requests after that."""

SEARCH_WEIGHTS: Mapping[str, float] = MappingProxyType({LexicalSource.name: 1.0, QueryTowerSource.name: 0.5})
"""Weights of the organic search sources in ``merge``."""

_FEED = (PopularSource, ItemNeighbourSource, AlsSource, TwoTowerSource)


@dataclass(frozen=True, slots=True)
class SearchSources:
    """What organic search runs on."""

    lexical: LexicalSource
    query_tower: QueryTowerSource
    relevance: RelevanceScorer


def load_feed_sources(retrieval: Path, catalogue: Catalogue, *, limit: int = 200) -> tuple[Source, ...]:
    """Those of the feed's sources that the release holds; none for a catalogue without users.

    Args:
        retrieval: the folder of the release's sources.
        catalogue: the release's items.
        limit: candidates a request and source at most.

    Raises:
        ReleaseError: a file does not belong to this catalogue.
    """
    held = [kind for kind in _FEED if (retrieval / kind.name).is_dir()]
    return tuple(kind.load(retrieval / kind.name, catalogue, limit=limit) for kind in held)


def load_search_sources(retrieval: Path, catalogue: Catalogue, *, limit: int = 200) -> SearchSources:
    """The sources and the scorer of organic search.

    Args:
        retrieval: the folder of the release's sources.
        catalogue: the release's items.
        limit: candidates a request and source at most.

    Raises:
        ReleaseError: a file is missing or does not belong to this catalogue.
    """
    lexical = LexicalSource.load(retrieval / LexicalSource.name, catalogue, limit=limit)
    tower = QueryTowerSource.load(retrieval / QueryTowerSource.name, catalogue, limit=limit)
    folder = retrieval / RelevanceScorer.name
    return SearchSources(lexical, tower, RelevanceScorer.load(folder, catalogue, lexical=lexical, query_tower=tower))
