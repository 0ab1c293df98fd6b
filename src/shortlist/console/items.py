"""How an item looks on a page: its facts, its scores and how it came to be there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

import numpy as np
from markupsafe import Markup

from shortlist.core import columns
from shortlist.core.arrays import Int64
from shortlist.core.clock import SECOND_US
from shortlist.core.money import format_micros
from shortlist.core.page import Page, ShownAd, ShownItem
from shortlist.features.catalogue import Catalogue
from shortlist.pages import svg
from shortlist.releases.release import Release

__all__ = [
    "Card",
    "Chip",
    "Cover",
    "ad_card",
    "cards_of",
    "cover_of",
    "facts_line",
    "item_card",
    "simulated_note",
    "value_text",
]

HUES = 7
UNITS = {column.name: column.unit for column in vars(columns).values() if isinstance(column, columns.Column)}
MEANINGS = {column.name: column.meaning for column in vars(columns).values() if isinstance(column, columns.Column)}
ON_CARDS = ("p_like", "relevance", "rank_score")


@dataclass(frozen=True, slots=True)
class Chip:
    """A small figure with its name; ``css`` names the kind, ``meaning`` says it in words."""

    name: str
    value: str
    css: str = ""
    meaning: str = ""
    meter: Markup | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """A coloured tile in place of a picture: the title's initials, a hue a first category."""

    initials: str
    hue: int


@dataclass(frozen=True, slots=True)
class Card:
    """One slot of a page."""

    slot: int
    item: int
    title: str
    facts: str
    cover: Cover
    chips: tuple[Chip, ...]
    sponsored: bool = False


def item_card(shown: ShownItem, catalogue: Catalogue) -> Card:
    """An organic result."""
    scores = [_score_chip(name, shown.scores[name]) for name in ON_CARDS if name in shown.scores]
    sources = [Chip(name, "", "source", "a source that found this item") for name in shown.sources]
    chance = Chip(
        "propensity",
        value_text("selection_propensity", shown.selection_propensity),
        meaning=MEANINGS["selection_propensity"],
    )
    return _card(shown.slot, shown.item, catalogue, (*scores, chance, *sources))


def ad_card(ad: ShownAd, catalogue: Catalogue) -> Card:
    """A sponsored result; its click model and its campaign are simulated in the demo."""
    chips = (
        Chip(
            "a click costs", format_micros(ad.price, ad.currency), "price", "what the auction charges if a click comes"
        ),
        Chip("bid", format_micros(ad.bid, ad.currency), meaning=MEANINGS["bid"]),
        _score_chip("p_click_1", ad.p_click_1),
        Chip("slot effect", value_text("slot_effect", ad.slot_effect), meaning=MEANINGS["slot_effect"]),
        Chip("campaign", str(ad.campaign), meaning=MEANINGS["campaign"]),
        Chip("match", ad.match_type, meaning=MEANINGS["match_type"]),
    )
    return _card(ad.slot, ad.item, catalogue, chips, sponsored=True)


def cards_of(page: Page, catalogue: Catalogue) -> tuple[list[Card], list[Card]]:
    """The organic and the sponsored slots of a page."""
    return [item_card(shown, catalogue) for shown in page.items], [ad_card(ad, catalogue) for ad in page.ads]


def simulated_note(page: Page, release: Release) -> str:
    """What about a page's ads was made by the simulator; empty where nothing was."""
    p_click = release.manifest.facts.probabilities.get("p_click_1")
    clicks = p_click is not None and p_click.simulated
    some, whole = any(ad.simulated for ad in page.ads), all(ad.simulated for ad in page.ads)
    campaigns = "Simulated campaigns" if whole else "Some campaigns are simulated" if some else ""
    return ", ".join(part for part in (campaigns, "simulated clicks" if clicks else "") if part).capitalize()


def value_text(name: str, value: float, currency: str = "") -> str:
    """A column's value for people, in its unit.

    Example:
        >>> value_text("p_like", 0.83219), value_text("bid", 350_000.0, "EUR"), value_text("slot", 3.0)
        ('0.832', '0.35 EUR', '3')
    """
    unit = UNITS.get(name, "score")
    if unit == "micros":
        return format_micros(round(value), currency)
    if unit in ("id", "slot"):
        return str(int(value))
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"


def facts_line(item: int, catalogue: Catalogue) -> str:
    """Year, brand, price and categories, as far as they are known."""
    row = int(catalogue.rows(_one(item))[0])
    if row == 0:
        return "not in the active release"
    facts = catalogue.table.row(row - 1, named=True)
    released = facts["released_us"]
    price = facts["price_micros"]
    parts = [
        str(datetime.fromtimestamp(released // SECOND_US, tz=UTC).year) if released else "",
        facts["brand"] or "",
        format_micros(price) if price else "",
        ", ".join((facts["categories"] or [])[:3]),
    ]
    return " · ".join(part for part in parts if part)


def cover_of(item: int, catalogue: Catalogue) -> Cover:
    """The tile of an item: the same hue for the same first category, in every process."""
    row = int(catalogue.rows(_one(item))[0])
    categories = catalogue.table.row(row - 1, named=True)["categories"] if row else None
    words = [word for word in catalogue.titles[row].replace("(", " ").split() if word[0].isalnum()]
    main = [word for word in words if word.lower() not in ("the", "a", "of", "and")] or words
    initials = "".join(word[0].upper() for word in main[:2]) or "?"
    return Cover(initials, crc32((categories or ["?"])[0].encode()) % HUES)


def _score_chip(name: str, value: float) -> Chip:
    meter = None
    if UNITS.get(name) == "probability":
        share = 100 * min(max(value, 0.0), 1.0)
        meter = svg.bar([svg.rect(0, 0, 100, 10, ""), svg.rect(0, 0, share, 10, "")], css="meter")
    return Chip(name, value_text(name, value), "", MEANINGS.get(name, ""), meter)


def _card(slot: int, item: int, catalogue: Catalogue, chips: tuple[Chip, ...], *, sponsored: bool = False) -> Card:
    title = catalogue.title(item) or f"Item {item}"
    return Card(slot, item, title, facts_line(item, catalogue), cover_of(item, catalogue), chips, sponsored)


def _one(item: int) -> Int64:
    return np.array([item], dtype=np.int64)
