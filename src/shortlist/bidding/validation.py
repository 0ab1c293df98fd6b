"""What a campaign must be beyond its types; each refusal names the field and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from shortlist.core.campaign import Campaign
from shortlist.core.clock import zone
from shortlist.core.errors import InvalidRequest, ShortlistError
from shortlist.features.text import words

__all__ = ["KnownItems", "check_campaign"]

KnownItems: TypeAlias = Callable[[Sequence[int]], Sequence[bool]]
"""Tells of each item key whether the catalogue has it."""


def check_campaign(campaign: Campaign, *, currency: str, known_items: KnownItems | None = None) -> None:
    """Refuse a campaign that does not make sense.

    Args:
        campaign: as its owner wrote it.
        currency: that of the market.
        known_items: tells which items the catalogue has; without it they are not checked.

    Raises:
        InvalidRequest: for the first thing that is wrong.
    """
    try:
        zone(campaign.timezone)
    except ShortlistError as error:
        raise _refusal(campaign, "timezone", error.what, error.fix) from None
    if campaign.currency != currency:
        raise _refusal(campaign, "currency", f"the market trades in {currency}", f"bid in {currency}")
    if campaign.start_us is not None and campaign.end_us is not None and campaign.start_us >= campaign.end_us:
        raise _refusal(campaign, "end_us", "the campaign ends before it starts", "give an end after the start")
    for number, hours in enumerate(campaign.schedule):
        if hours.start_hour >= hours.end_hour or not hours.weekdays:
            raise _refusal(
                campaign,
                f"schedule[{number}]",
                "these hours are never open",
                "name a weekday and end after the start; write a night as two entries",
            )
    _check_keywords(campaign)
    _check_creatives(campaign, known_items)


def _check_keywords(campaign: Campaign) -> None:
    twice = _first_double(keyword.keyword for keyword in campaign.keywords)
    if twice is not None:
        raise _refusal(campaign, "keywords", f"two keywords have the key {twice}", "give each its own key")
    for field, texts in (("keywords", [k.text for k in campaign.keywords]), ("negatives", campaign.negatives)):
        for text in texts:
            if not words(text):
                raise _refusal(campaign, field, f"{text!r} holds no letter or digit", "write words")
    unwanted = [f" {' '.join(words(text))} " for text in campaign.negatives]
    for keyword in campaign.keywords:
        own = f" {' '.join(words(keyword.text))} "
        for negative in unwanted:
            if negative in own:
                raise _refusal(
                    campaign,
                    "negatives",
                    f"{negative.strip()!r} silences the campaign's own keyword {keyword.text!r}",
                    "drop one of the two",
                )


def _check_creatives(campaign: Campaign, known_items: KnownItems | None) -> None:
    twice = _first_double(creative.creative for creative in campaign.creatives)
    if twice is not None:
        raise _refusal(campaign, "creatives", f"two creatives have the key {twice}", "give each its own key")
    if known_items is None:
        return
    items = [creative.item for creative in campaign.creatives]
    for item, known in zip(items, known_items(items), strict=True):
        if not known:
            raise _refusal(campaign, "creatives", f"there is no item {item} in the catalogue", "name an item it has")


def _first_double(keys: Iterable[int]) -> int | None:
    met: set[int] = set()
    for key in keys:
        if key in met:
            return key
        met.add(key)
    return None


def _refusal(campaign: Campaign, field: str, what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(what, where=f"campaign {campaign.campaign}, field {field!r}", fix=fix)
