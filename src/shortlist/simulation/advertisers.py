"""Simulated advertisers over the items of a real catalogue: what they offer, bid and refuse.

Where items have brands, the brands advertise their own items; elsewhere distributors are invented, some a category.
Every campaign says ``simulated`` and has it in its name. Nothing here is known about real advertisers' bids.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np

from shortlist.bidding.validation import check_campaign
from shortlist.core.campaign import Campaign, Creative, Keyword, MatchType, OpenHours
from shortlist.core.money import MICROS
from shortlist.core.randomness import Rng, generator
from shortlist.datasets.dataset import Dataset
from shortlist.features.text import words

__all__ = ["CURRENCY", "simulated_campaigns"]

CURRENCY = "EUR"
_TIMEZONES = ("Europe/Madrid", "Europe/Helsinki", "America/New_York")
_RIVALS = 8
"""Campaigns that share a brand or a category, at least, so that there is something to auction."""
_MATCH_DISCOUNT: dict[MatchType, float] = {"exact": 1.0, "phrase": 0.85, "broad": 0.65}
"""What a match type bids relative to the exact one: wider reach is worth less a click."""


def simulated_campaigns(
    dataset: Dataset, *, n_campaigns: int = 200, n_creatives: int = 5, rng: Rng = 0
) -> tuple[Campaign, ...]:
    """Campaigns with keys from 1.

    The largest brands or categories have at least eight campaigns each. Bids are lognormal with a median of 0.30 units,
    sigma 0.6 between campaigns and 0.3 within one. A tenth of the campaigns keep shop hours, a fifth have a negative.

    Args:
        dataset: whose items are advertised.
        n_campaigns: how many; none where no item has a title, brand or category.
        n_creatives: items a campaign shows, at most.
        rng: a generator or a seed.
    """
    random = generator(rng)
    groups, noun = _groups(dataset)
    groups = groups[: max(1, n_campaigns // _RIVALS)]
    if not groups:
        return ()
    campaigns: list[Campaign] = []
    titles = {item: tuple(words(title)[:8]) for item, title in dataset.items.select("item", "title").rows()}
    frequency = Counter(word for text in titles.values() for word in text)
    for number in range(n_campaigns):
        label, items = groups[number % len(groups)]
        round_ = number // len(groups) + 1
        picked = random.choice(items, size=min(len(items), n_creatives), replace=False).tolist()
        name = f"{label} {noun} {round_} (simulated)".strip()[:200]
        campaign = _campaign(number + 1, name, label, {item: titles[item] for item in picked}, frequency, random)
        check_campaign(campaign, currency=CURRENCY)
        campaigns.append(campaign)
    return tuple(campaigns)


def _groups(dataset: Dataset) -> tuple[list[tuple[str, list[int]]], str]:
    """Labels with their items, the largest first, and what an advertiser of such a label is called."""
    rows = dataset.items.select("item", "brand", "categories").rows()
    by_brand: defaultdict[str, list[int]] = defaultdict(list)
    by_category: defaultdict[str, list[int]] = defaultdict(list)
    for item, brand, categories in rows:
        if brand:
            by_brand[brand].append(item)
        for category in categories or ["catalogue"]:
            by_category[category].append(item)
    branded = sum(map(len, by_brand.values())) >= len(rows) / 2
    groups = by_brand if branded else by_category
    usable = [(label, items) for label, items in groups.items() if words(label)]
    return sorted(usable, key=lambda group: (-len(group[1]), group[0])), "supplier" if branded else "distributor"


def _campaign(
    key: int,
    name: str,
    label: str,
    titles: Mapping[int, tuple[str, ...]],
    frequency: Mapping[str, int],
    random: np.random.Generator,
) -> Campaign:
    level = 0.30 * MICROS * float(np.exp(0.6 * random.standard_normal()))
    wanted: dict[tuple[str, MatchType], None] = {(" ".join(words(label)), "broad"): None}
    for text in titles.values():
        if not text:
            continue
        wanted[" ".join(text), "exact"] = None
        if len(text) > 1:
            start = int(random.integers(len(text) - 1))
            wanted[" ".join(text[start : start + 2]), "phrase"] = None
        wanted[min(text, key=lambda word: (frequency[word], word)), "broad"] = None
    keywords = tuple(
        Keyword(
            keyword=number,
            text=text[:200],
            match=match,
            bid=max(10_000, round(level * _MATCH_DISCOUNT[match] * float(np.exp(0.3 * random.standard_normal())))),
        )
        for number, (text, match) in enumerate(wanted, start=1)
    )
    return Campaign(
        campaign=key,
        name=name,
        currency=CURRENCY,
        timezone=_TIMEZONES[int(random.integers(len(_TIMEZONES)))],
        daily_budget=round(25 * MICROS * float(np.exp(0.5 * random.standard_normal()))),
        keywords=keywords,
        creatives=tuple(Creative(creative=number, item=item) for number, item in enumerate(titles, start=1)),
        negatives=("free",) if random.random() < 0.2 and not any("free" in k.text.split() for k in keywords) else (),
        schedule=(OpenHours(start_hour=8, end_hour=23),) if random.random() < 0.1 else (),
        simulated=True,
    )
