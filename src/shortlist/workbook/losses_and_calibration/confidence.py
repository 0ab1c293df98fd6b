"""The sheet of the widget ``confidence``: pages of the release before their sale, and a market whose truth is known."""

from __future__ import annotations

from collections import Counter

import numpy as np

from shortlist.core.arrays import Float64
from shortlist.core.clock import SystemClock
from shortlist.core.columns import BID, CAMPAIGN, CREATIVE, KEYWORD, P_CLICK_1, RESERVE, ROW
from shortlist.core.errors import NotFound
from shortlist.evaluation.bootstrap import paired_interval
from shortlist.features.text import words
from shortlist.funnel.engine import Engine
from shortlist.learning.progress import Progress
from shortlist.lessons.losses_and_calibration.confidence import (
    ERRORS,
    PAGES,
    SIZES,
    ConfidenceSheet,
    Effect,
    distorted,
)
from shortlist.lessons.losses_and_calibration.sold_page import SoldPage, request_for, sponsored_funnel
from shortlist.simulation.confidence import ConfidenceMarket, MarketOutcome

__all__ = ["ADVERTISERS", "AUCTIONS", "DRAWN", "make_confidence", "sold_pages"]

AUCTIONS, ADVERTISERS = 600, 8
DRAWN = 4_000
"""Auctions that are drawn, and as many again that the model is calibrated on: these cost little, sales cost much."""
COMMON_WORDS = 20
"""Words of titles that are tried as queries, beside the categories."""


def make_confidence(engine: Engine, seed: int, progress: Progress) -> ConfidenceSheet:
    """Look for pages with competition, draw a market, and sell it under every error.

    Raises:
        NotFound: the release sells no ads, or no query brings two campaigns together.
    """
    pages = sold_pages(engine)
    market = ConfidenceMarket.draw(DRAWN, advertisers=ADVERTISERS, rng=seed).first(AUCTIONS)
    right = market.run(market.calibrated)
    effects: dict[str, list[Effect]] = {error: [] for error in ERRORS}
    for n, error in enumerate(ERRORS):
        for size in SIZES:
            outcome = market.run(distorted(market.calibrated, error, size))
            effects[error].append(_effect(outcome, right, seed))
        progress("lesson 5: the market", n + 1, len(ERRORS))
    return ConfidenceSheet(
        release=engine.release.version,
        seed=seed,
        pages=pages,
        auctions=AUCTIONS,
        advertisers=ADVERTISERS,
        slots=len(market.slot_effects),
        probability=tuple(market.calibrated.reshape(-1).round(7).tolist()),
        click=tuple(market.click.reshape(-1).astype(int).tolist()),
        effects={error: tuple(found) for error, found in effects.items()},
    )


def sold_pages(engine: Engine) -> tuple[SoldPage, ...]:
    """Pages of the queries for which most campaigns may run, of categories and common words of titles."""
    titles = engine.catalogue.titles
    common = Counter(word for title in titles for word in dict.fromkeys(words(title))).most_common(COMMON_WORDS)
    tried = dict.fromkeys([*(c.lower() for c in engine.catalogue.categories), *(word for word, _ in common)])
    funnel, now = sponsored_funnel(engine), SystemClock().now_us()
    pages = []
    for query in tried:
        ads = funnel.run(request_for(query, now), patient=True).scored
        if not len(ads):
            continue
        pages.append(
            SoldPage(
                query=query,
                titles=tuple(titles[row] for row in ads[ROW].tolist()),
                campaign=tuple(ads[CAMPAIGN].tolist()),
                creative=tuple(ads[CREATIVE].tolist()),
                keyword=tuple(ads[KEYWORD].tolist()),
                bid=tuple(ads[BID].tolist()),
                reserve=tuple(ads[RESERVE].tolist()),
                p_click_1=tuple(ads[P_CLICK_1].tolist()),
            )
        )
    pages = sorted((page for page in pages if len(set(page.campaign)) > 1), key=lambda page: -len(set(page.campaign)))
    if not pages:
        raise NotFound("no query brings two campaigns together", where="campaigns", fix="add campaigns with keywords")
    return tuple(pages[:PAGES])


def _effect(outcome: MarketOutcome, right: MarketOutcome, seed: int) -> Effect:
    return Effect(
        welfare=_change(outcome.welfare, right.welfare, seed),
        revenue=_change(outcome.revenue, right.revenue, seed),
        moved=float((outcome.winner != right.winner).any(axis=1).mean()),
    )


def _change(found: Float64, right: Float64, seed: int) -> tuple[float, float, float]:
    """Of the mean, relative to the right one's, with its interval over auctions."""
    if np.array_equal(found, right):
        return 0.0, 0.0, 0.0  # to the last bit; there is nothing to resample
    interval = paired_interval(found, right, np.arange(len(right)), rng=seed, draws=200)
    estimate, low, high = (value / float(right.mean()) for value in (interval.estimate, interval.low, interval.high))
    return estimate, low, high
