"""What the API takes and gives. Ids are catalogue keys, times microseconds UTC, money micros of the named currency."""

from __future__ import annotations

from typing import Annotated

import msgspec

from shortlist.core.campaign import Campaign
from shortlist.core.page import PolicyRecord
from shortlist.core.trace import Degradation, Trace
from shortlist.events.event import Event
from shortlist.features.added_items import NewItem

__all__ = [
    "MAX_EVENTS",
    "MAX_ITEMS",
    "MAX_K",
    "MAX_QUERY",
    "AdAnswer",
    "CampaignAnswer",
    "CampaignsAnswer",
    "EventsAnswer",
    "EventsRequest",
    "FeedRequest",
    "HealthAnswer",
    "ItemAnswer",
    "ItemSlot",
    "ItemsAnswer",
    "ItemsRequest",
    "Key",
    "PageAnswer",
    "ReleaseAnswer",
    "ReleasesAnswer",
    "SearchRequest",
    "SentEvent",
]

MAX_K = 200
MAX_QUERY = 500
MAX_EVENTS = 1_000
MAX_ITEMS = 1_000

Key = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1, description="catalogue key")]
K = Annotated[int, msgspec.Meta(ge=1, le=MAX_K, description="organic items wanted")]


class FeedRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feed for a user, or for a visitor nobody knows.

    Attributes:
        user: an unknown key is served as a new user.
        k: items wanted.
        debug: answer with the trace of every stage and candidate.
    """

    user: Key | None = None
    k: K = 10
    debug: bool = False


class SearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A search page.

    Attributes:
        query: what was typed.
        user: as in the feed.
        k: organic items wanted.
        sponsored_slots: slots for ads.
        debug: as in the feed.
    """

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_QUERY, pattern=r"\S")]
    user: Key | None = None
    k: K = 10
    sponsored_slots: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    debug: bool = False


class ItemSlot(msgspec.Struct, frozen=True):
    """One organic slot of an answer.

    Attributes:
        slot: from 1.
        sources: the sources that found it.
        selection_propensity: P(item at this slot | context, candidate set, slots above).
        scores: what the funnel's stages made of it, by column name.
    """

    slot: int
    item: int
    title: str
    sources: tuple[str, ...]
    selection_propensity: float
    scores: dict[str, float]


class AdAnswer(msgspec.Struct, frozen=True):
    """One sponsored slot of an answer.

    Attributes:
        slot: from 1.
        price: micros of ``currency`` that a click costs.
        simulated: whether the campaign was made by the simulator.
        token: send it back with the click.
    """

    slot: int
    item: int
    title: str
    campaign: int
    creative: int
    price: int
    currency: str
    simulated: bool
    token: str


class PageAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page.

    Attributes:
        request_id: name it in events.
        release: version of the release that served it.
        known_user: whether the user has any history.
        degradations: what the page went without, and why.
        traces: only where the request said ``debug``; ads that were not shown are told of only to whoever brings the
            admin key.
    """

    request_id: str
    surface: str
    release: str
    served_us: int
    known_user: bool
    policy: PolicyRecord
    items: tuple[ItemSlot, ...]
    ads: tuple[AdAnswer, ...] = ()
    degradations: tuple[Degradation, ...] = ()
    traces: tuple[Trace, ...] = ()


class SentEvent(Event, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as a client sends it.

    Attributes:
        token: the one that came with the ad; needed for a click on an ad, and only there.
    """

    token: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class EventsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events; either all of them are accepted, or none is."""

    events: Annotated[tuple[SentEvent, ...], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]


class EventsAnswer(msgspec.Struct, frozen=True):
    """What became of the events: all are durable.

    Attributes:
        accepted: events that were not known before.
        duplicates: events that were; they change nothing.
    """

    accepted: int
    duplicates: int


class ItemAnswer(msgspec.Struct, frozen=True):
    """What the active release's catalogue holds about an item; null where nothing is known."""

    item: int
    external_id: str
    title: str
    description: str
    categories: list[str]
    brand: str
    price_micros: int | None
    released_us: int | None
    release: str


class ItemsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items to add; either all of them are, or none is."""

    items: Annotated[tuple[NewItem, ...], msgspec.Meta(min_length=1, max_length=MAX_ITEMS)]


class ItemsAnswer(msgspec.Struct, frozen=True):
    """What became of the items: they are durable, and pages from now on may show them.

    Attributes:
        added: items that were not there before.
        beside_the_release: all items that the release that serves was not trained with.
    """

    added: int
    beside_the_release: int


class CampaignAnswer(msgspec.Struct, frozen=True):
    """A campaign and its local day so far, in micros of its currency.

    Attributes:
        settled_today: paid; never more than the daily budget.
        given_away_today: the part of the prices that the budget did not cover.
    """

    campaign: Campaign
    settled_today: int
    given_away_today: int


class CampaignsAnswer(msgspec.Struct, frozen=True):
    """All campaigns, by key."""

    campaigns: tuple[Campaign, ...]


class ReleaseAnswer(msgspec.Struct, frozen=True):
    """A release.

    Attributes:
        problem: why it cannot be used; empty where it can.
    """

    version: str
    active: bool
    created_us: int | None = None
    dataset: str = ""
    licence: str = ""
    problem: str = ""


class ReleasesAnswer(msgspec.Struct, frozen=True):
    """All releases, oldest first."""

    releases: tuple[ReleaseAnswer, ...]


class HealthAnswer(msgspec.Struct, frozen=True):
    """The server's state.

    Attributes:
        release: the version that serves.
        pages_logged: pages whose side effects have run since the start.
        log_failures: times that a side effect failed for a page, or for pages that were written together; the
            operator's log names them and says why.
    """

    status: str
    release: str
    pages_logged: int
    log_failures: int
