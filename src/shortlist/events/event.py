"""``Event``: something that happened to a slot of a served page, as its client tells it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from shortlist.core.errors import ShortlistError

__all__ = ["Block", "Event", "EventConflict", "EventKind"]

EventKind = Literal["impression", "click", "conversion"]
Block = Literal["organic", "sponsored"]
NotNegative = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Worth = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class EventConflict(ShortlistError):
    """An event id that is taken by an event of other content."""


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An impression, a click or a conversion.

    It names the page and the slot, not the user: the event is that of whoever the page was served to.

    Attributes:
        event_id: chosen by the client, unique; sent again, the event counts once.
        request_id: the page's.
        slot: position in its block, from 1.
        item: catalogue key of what was shown there.
        event_us: when it happened by the client's clock, microseconds UTC; None where it does not say.
        value_micros: what a conversion was worth, in micros of ``currency``; at most 2^53, as all money here.
        currency: ISO 4217.
    """

    event_id: Name
    kind: EventKind
    request_id: Name
    block: Block
    slot: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    item: NotNegative
    event_us: NotNegative | None = None
    value_micros: Worth | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None
