"""An advertiser's campaign: what it offers, for which queries, when, and for how much."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = ["MATCH_CODES", "Campaign", "Creative", "Keyword", "MatchType", "OpenHours"]

MatchType = Literal["exact", "phrase", "broad"]
MATCH_CODES: dict[MatchType, int] = {"exact": 1, "phrase": 2, "broad": 3}
"""The values of the column ``MATCH_TYPE``."""

Key = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Amount = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Instant = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Keyword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A phrase that a campaign wants to be found by.

    Attributes:
        keyword: key within the campaign.
        text: compared after lower-casing and splitting into words.
        match: "exact": the query's words are these, in this order; "phrase": the query holds them side by side in
            this order; "broad": the query holds all of them in any order.
        bid: micros a click, the most this keyword pays.
    """

    keyword: Key
    text: Text
    match: MatchType
    bid: Amount


class Creative(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is shown: an item of the catalogue."""

    creative: Key
    item: Key


class OpenHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of the campaign's local days in which it runs: ``[start_hour, end_hour)`` on the named weekdays.

    Attributes:
        weekdays: 0 is Monday, 6 is Sunday.
    """

    weekdays: tuple[Annotated[int, msgspec.Meta(ge=0, le=6)], ...] = (0, 1, 2, 3, 4, 5, 6)
    start_hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 0
    end_hour: Annotated[int, msgspec.Meta(ge=1, le=24)] = 24


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign that pays for clicks.

    Attributes:
        campaign: catalogue key, assigned once.
        currency: ISO 4217; every amount of the campaign is in its micros.
        timezone: IANA name; the daily budget resets at this zone's midnight.
        daily_budget: micros a local day; what is settled in a day never exceeds it.
        keywords: at least one.
        negatives: phrases; a query that holds one (side by side, in order) never shows this campaign.
        schedule: open hours; none means always.
        start_us: first instant it may run, microseconds UTC; None for no limit.
        end_us: first instant it may no longer run.
        paused: whether its owner has stopped it.
        simulated: made by the simulator; shown as such wherever the campaign shows.
    """

    campaign: Key
    name: Text
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    timezone: Text
    daily_budget: Amount
    keywords: Annotated[tuple[Keyword, ...], msgspec.Meta(min_length=1, max_length=1000)]
    creatives: Annotated[tuple[Creative, ...], msgspec.Meta(min_length=1, max_length=100)]
    negatives: Annotated[tuple[Text, ...], msgspec.Meta(max_length=1000)] = ()
    schedule: tuple[OpenHours, ...] = ()
    start_us: Instant | None = None
    end_us: Instant | None = None
    paused: bool = False
    simulated: bool = False
