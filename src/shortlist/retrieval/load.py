"""The sources of a release, ready to serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from shortlist.core.stages import Source
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.als import AlsSource
from shortlist.retrieval.fresh import FreshSource
from shortlist.retrieval.item_neighbours import ItemNeighbourSource
from shortlist.retrieval.lexical import LexicalSource
from shortlist.retrieval.little_known import LittleKnownSource
from shortlist.retrieval.popular import PopularSource
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.relevance import RelevanceScorer
from shortlist.retrieval.two_tower import TwoTowerSource

__all__ = [
    "FEED_WEIGHTS",
    "SEARCH_WEIGHTS",
    "SearchSources",
    "load_feed_sources",
    "load_fresh",
    "load_little_known",
    "load_search_sources",
    "load_two_tower",
]

FEED_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {PopularSource.name: 0.25, ItemNeighbourSource.name: 0.25, AlsSource.name: 0.25, TwoTowerSource.name: 1.0}
)
"""Weights of the feed's sources in ``merge``, chosen by recall@50 on MovieLens-100K, on requests between 60% and 80%
of its time; reported figures come from the requests after that."""

SEARCH_WEIGHTS: Mapping[str, float] = MappingProxyType({LexicalSource.name: 1.0, QueryTowerSource.name: 0.5})
"""Weights of the organic search sources in ``merge``."""

_FEED = (PopularSource, ItemNeighbourSource, AlsSource)


@dataclass(frozen=True, slots=True)
class SearchSources:
    """What organic search runs on."""

    lexical: LexicalSource
    query_tower: QueryTowerSource
    relevance: RelevanceScorer


def load_feed_sources(retrieval: Path, catalogue: Catalogue, *, limit: int = 200) -> tuple[Source, ...]:
    """Those of the feed's sources that the release holds; none for a catalogue without users.

    Of the items that were added since the release, only the two-tower source knows anything: its item tower reads
    content. What the others count or factorize, nobody has done with them.

    Args:
        retrieval: the folder of the release's sources.
        catalogue: the release's items, and those that were added.
        limit: candidates a request and source at most.

    Raises:
        ReleaseError: a file does not belong to this catalogue.
    """
    held = [kind for kind in _FEED if (retrieval / kind.name).is_dir()]
    sources: list[Source] = [kind.load(retrieval / kind.name, catalogue.base, limit=limit) for kind in held]
    if (retrieval / TwoTowerSource.name).is_dir():
        sources.append(load_two_tower(retrieval, catalogue, limit=limit))
    return tuple(sources)


def load_two_tower(retrieval: Path, catalogue: Catalogue, *, limit: int = 200) -> TwoTowerSource:
    """The two-tower source of a release, with the items that were added since in its index.

    Raises:
        ReleaseError: a file is missing or does not belong to this catalogue.
    """
    source = TwoTowerSource.load(retrieval / TwoTowerSource.name, catalogue.base, limit=limit)
    if len(catalogue.added):
        source.add(catalogue)
    return source


def load_fresh(retrieval: Path, catalogue: Catalogue, *, limit: int = 200) -> FreshSource:
    """The freshest items of a release, and those that were added since.

    Raises:
        ReleaseError: a file is missing or does not belong to this catalogue.
    """
    source = FreshSource.load(retrieval / FreshSource.name, catalogue.base, limit=limit)
    return source.extended(catalogue) if len(catalogue.added) else source


def load_little_known(
    retrieval: Path, catalogue: Catalogue, towers: TwoTowerSource, *, below: int, limit: int = 200
) -> LittleKnownSource:
    """What the feed explores.

    Args:
        retrieval: the folder of the release's sources.
        catalogue: the release's items, and those that were added.
        towers: of this catalogue.
        below: an item met fewer times is little known.
        limit: candidates a request at most.

    Raises:
        ReleaseError: a file is missing or does not belong to this catalogue.
    """
    folder, fresh = retrieval / LittleKnownSource.name, load_fresh(retrieval, catalogue, limit=limit)
    return LittleKnownSource.load(folder, catalogue, fresh=fresh, towers=towers, below=below, limit=limit)


def load_search_sources(retrieval: Path, catalogue: Catalogue, *, limit: int = 200) -> SearchSources:
    """The sources and the scorer of organic search.

    Args:
        retrieval: the folder of the release's sources.
        catalogue: the release's items, and those that were added.
        limit: candidates a request and source at most.

    Raises:
        ReleaseError: a file is missing or does not belong to this catalogue.
    """
    lexical = LexicalSource.load(retrieval / LexicalSource.name, catalogue.base, limit=limit)
    tower = QueryTowerSource.load(retrieval / QueryTowerSource.name, catalogue.base, limit=limit)
    if len(catalogue.added):
        lexical = lexical.extended(catalogue)
        shared = (retrieval / TwoTowerSource.name).is_dir()
        tower.add(catalogue, load_two_tower(retrieval, catalogue.base).embed(catalogue.added) if shared else None)
    folder = retrieval / RelevanceScorer.name
    return SearchSources(lexical, tower, RelevanceScorer.load(folder, catalogue, lexical=lexical, query_tower=tower))
