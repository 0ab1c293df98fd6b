"""The protocols a stage can implement. Any room can; none needs to know the funnel that runs it.

    query hydrators → sources → hydrators → filters → scorers → selector → side effects

Timing, deadlines, failure policies and tracing belong to the runner, not to the stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shortlist.core.arrays import Array, Bool, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import Column
from shortlist.core.page import Page
from shortlist.core.request import RequestBatch

__all__ = [
    "Dropped",
    "Filter",
    "Filtered",
    "Hydrator",
    "Mechanism",
    "Named",
    "Outcome",
    "QueryHydrator",
    "Scorer",
    "Selector",
    "SideEffect",
    "Source",
]


class Named(Protocol):
    """Every stage has a name, which traces, logs and metrics show."""

    @property
    def name(self) -> str:
        """Unique among the stages of its kind in one funnel."""
        ...


class QueryHydrator(Named, Protocol):
    """Finds out about the requests themselves: history, tower outputs."""

    def hydrate_query(self, batch: RequestBatch) -> RequestBatch:
        """The batch with what this component knows about its requests."""
        ...


class Source(Named, Protocol):
    """Finds candidates; several run side by side."""

    def retrieve(self, batch: RequestBatch) -> Candidates:
        """At most the source's own limit of rows a request, best first, made by ``Candidates.found``."""
        ...


class Hydrator(Named, Protocol):
    """Adds columns of facts; only its own, one value a row."""

    def hydrate(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """The columns it adds, each ``(N,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that a filter dropped for one reason: their ``key``s, int64 ``(n,)``."""

    reason: str
    keys: Int64


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter kept, bool ``(N,)``, and what it dropped with the reasons; together they are every row."""

    kept: Bool
    dropped: tuple[Dropped, ...]


class Filter(Named, Protocol):
    """Decides which rows may go on."""

    def filter(self, batch: RequestBatch, candidates: Candidates) -> Filtered:
        """Kept rows, and dropped rows with reasons."""
        ...


class Scorer(Named, Protocol):
    """Adds columns that were computed from the others: probabilities, rank scores."""

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """The columns it adds, each ``(N,)``."""
        ...


class Selector(Named, Protocol):
    """Chooses what is shown and in which order: a re-ranker, or an auction."""

    def select(self, batch: RequestBatch, candidates: Candidates) -> Candidates:
        """The shown rows in the order of their slots, with ``SLOT`` and ``SELECTION_PROPENSITY`` added.

        Draws are made from the requests' ``draw_key``s and nothing else.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What an auction decided for one page.

    Attributes:
        winner: int64 ``(k,)``, index of the ad in each slot from the top; shorter than the slots where few qualify.
        price: int64 ``(k,)`` micros a click.
    """

    winner: Int64
    price: Int64


class Mechanism(Named, Protocol):
    """Allocates slots to ads and prices a click, over separable slot effects."""

    def run(self, *, weight: Array, bid: Int64, reserve: Int64, slot_effects: Array) -> Outcome:
        """One auction.

        Args:
            weight: float64 ``(n,)``, the quality weight w of each ad; its score is w times bid.
            bid: int64 ``(n,)`` micros a click.
            reserve: int64 ``(n,)`` micros a click; an ad that bids less does not take part.
            slot_effects: float64 ``(k,)``, alpha of each slot, 1 at the first, never rising.
        """
        ...


class SideEffect(Named, Protocol):
    """Runs after the answer has left: the log, counters."""

    def after(self, pages: Sequence[Page]) -> None:
        """Called off the response path with the pages served since the last call, in order; each comes once."""
        ...
