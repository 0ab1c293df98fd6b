"""What is answered: a page of slots, with everything the log must keep about how it was chosen."""

from __future__ import annotations

import msgspec

from shortlist.core.trace import CandidateTrace, Degradation, Trace

__all__ = ["Page", "PolicyRecord", "ShownAd", "ShownItem"]


class ShownItem(msgspec.Struct, frozen=True, kw_only=True):
    """One organic slot.

    Attributes:
        slot: from 1.
        item: catalogue key.
        sources: every source that found it.
        selection_propensity: P(item at this slot | context, candidate set, slots above); 1 under a greedy policy.
        scores: the columns of the funnel by name: ``p_like``, ``rank_score``, ``added_score``, ...
    """

    slot: int
    item: int
    sources: tuple[str, ...]
    selection_propensity: float
    scores: dict[str, float]


class ShownAd(msgspec.Struct, frozen=True, kw_only=True):
    """One sponsored slot. Money is in micros of ``currency``.

    Attributes:
        slot: from 1, the reference slot.
        p_click_1: P(click | shown at the reference slot 1).
        slot_effect: alpha of this slot; ``slot_effect * p_click_1`` is the chance of a click here.
        quality: the weight of the bid in the auction.
        price: what a click costs, if it comes.
        selection_propensity: 1 where the auction is deterministic.
        throttle_probability: chance that the ad was let into the auction at all; 1 without throttling.
        simulated: whether the campaign was made by the simulator.
    """

    slot: int
    item: int
    campaign: int
    creative: int
    keyword: int
    match_type: str
    currency: str
    bid: int
    reserve: int
    quality: float
    p_click_1: float
    slot_effect: float
    auction_score: float
    price: int
    selection_propensity: float
    throttle_probability: float = 1.0
    simulated: bool = False


class PolicyRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The policy that chose a page: enough to draw it again.

    Attributes:
        policy: id of the policy and its version.
        temperature: of the slot softmax; 0 is greedy, and without exploration every propensity is then 1.
        draw_key: seed of every draw of the page.
        exploration: ε, the share of each slot that little-known items had to themselves; not written where it is 0.
        exploration_temperature: of the softmax among those.
    """

    policy: str
    temperature: float
    draw_key: int
    exploration: float = 0.0
    exploration_temperature: float = 0.0


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A served page, as it is answered and as it is logged.

    Attributes:
        surface: "feed" or "search".
        user: catalogue key or None; the log keeps a pseudonym in its place.
        known_user: whether the user has any history.
        release: version of the release that served it.
        served_us: microseconds UTC.
        traces: a trace a funnel that ran.
        scored: on a sampled share of pages, every candidate that was scored, with its values.
        scored_sampling_rate: that share.
    """

    request_id: str
    surface: str
    user: int | None
    known_user: bool
    query: str
    release: str
    served_us: int
    policy: PolicyRecord
    items: tuple[ShownItem, ...]
    ads: tuple[ShownAd, ...] = ()
    degradations: tuple[Degradation, ...] = ()
    traces: tuple[Trace, ...] = ()
    scored: tuple[CandidateTrace, ...] = ()
    scored_sampling_rate: float = 0.0
