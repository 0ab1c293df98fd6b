"""Campaigns for the tests of this room."""

from __future__ import annotations

from shortlist.core.campaign import Campaign, Creative, Keyword


def campaign(key=1, **changes):
    facts = {
        "campaign": key,
        "name": f"campaign {key}",
        "currency": "EUR",
        "timezone": "Europe/Madrid",
        "daily_budget": 1_000_000,
        "keywords": (Keyword(keyword=1, text="red lamp", match="exact", bid=300_000),),
        "creatives": (Creative(creative=1, item=12),),
    }
    return Campaign(**{**facts, **changes})
