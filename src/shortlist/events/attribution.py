"""Which shown slot a conversion is credited to: the last click of the same visitor on the same item, or a last view.

A conversion at t on item i by visitor v may be credited to a click at c on i by v, on any page and in either block, if

    0 ≤ t − c ≤ click window

and, where there is none and views count, to an impression at s if 0 ≤ t − s ≤ view window. The latest one gets the
conversion whole. What was told late or out of order makes no difference: only when things happened counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from shortlist.core.clock import HOUR_US
from shortlist.core.errors import SettingsError
from shortlist.events.read import EVENTS_SCHEMA, SLOTS_SCHEMA

__all__ = [
    "ATTRIBUTED_SCHEMA",
    "LAST_CLICK",
    "AttributionRule",
    "attribute_conversions",
    "credits_by_place",
    "happened",
]


@dataclass(frozen=True, slots=True)
class AttributionRule:
    """How long before a conversion a click or a view may lie to be credited with it.

    Attributes:
        click_window_us: microseconds; seven days unless it is given.
        view_window_us: microseconds, at most the clicks'; None where views are credited with nothing.

    Raises:
        SettingsError: a window is not above 0, or that of views is longer than that of clicks.

    Example:
        >>> AttributionRule(click_window_us=24 * HOUR_US, view_window_us=HOUR_US).view_window_us
        3600000000
    """

    click_window_us: int = 7 * 24 * HOUR_US
    view_window_us: int | None = None

    def __post_init__(self) -> None:
        if self.click_window_us <= 0 or (self.view_window_us is not None and self.view_window_us <= 0):
            raise SettingsError("a window of attribution is not above 0", fix="give days of clicks, hours of views")
        if self.view_window_us is not None and self.view_window_us > self.click_window_us:
            raise SettingsError(
                "views are credited for longer than clicks",
                fix="a click says more than a view: give views the shorter window",
            )


LAST_CLICK = AttributionRule()
"""The last click of seven days; views are credited with nothing."""

_IDS = ("campaign", "creative", "keyword")
_SLOT = ("request_id", "block", "slot")

ATTRIBUTED_SCHEMA: dict[str, pl.DataType] = {
    "event_id": pl.String(),
    "user": pl.Int64(),
    "item": pl.Int64(),
    "value_micros": pl.Int64(),
    "currency": pl.String(),
    "converted_us": pl.Int64(),
    "received_us": pl.Int64(),
    "credited": pl.String(),
    "touch_us": pl.Int64(),
    **{name: EVENTS_SCHEMA[name] for name in (*_SLOT, "surface", "release")},
    **{name: SLOTS_SCHEMA[name] for name in _IDS},
}
"""One row a conversion: its own id, pseudonym, item, value, and times of happening and arrival, then ``credited``,
which is "click", "view" or null; what follows is of that click or view: when it was, and the slot that it was of."""


def happened() -> pl.Expr:
    """When an event happened, microseconds UTC: as its client says, but not before its page or after its arrival.

    clip(event time, served time, received time);   received time where the client does not say
    """
    told = pl.min_horizontal(pl.coalesce("event_us", "received_us"), "received_us")
    return pl.max_horizontal(told, "served_us")


def attribute_conversions(
    events: pl.DataFrame, slots: pl.DataFrame, rule: AttributionRule = LAST_CLICK
) -> pl.DataFrame:
    """Credit each conversion to one slot, or to none.

    Visitors are told apart by pseudonym; one without, whom nobody knows on the next page, by the page. Of clicks at the
    very same instant the one on the page that was served last counts, then the lower request id, then organic before
    sponsored, then the slot further up. Rows of one event id are one event, so exports may overlap.

    Args:
        events: in the columns of ``EVENTS_SCHEMA``, in any order. It must reach back before the first conversion by as
            much as the rule does: what lies further back is not looked for.
        slots: in those of ``SLOTS_SCHEMA``; looked up for the campaign.
        rule: the windows.

    Returns:
        A table in ``ATTRIBUTED_SCHEMA``, a row a conversion, by time and event id.

    Example:
        >>> of_page = {"user": 5, "item": 7, "block": "organic", "served_us": 10}
        >>> told = [  # event id, kind, page, slot, happened, arrived
        ...     ("c1", "click", "p1", 1, 30, 31),
        ...     ("buy", "conversion", "p2", 3, 40, 41),
        ...     ("c2", "click", "p2", 3, 20, 99),
        ... ]
        >>> names = ("event_id", "kind", "request_id", "slot", "event_us", "received_us")
        >>> log = pl.DataFrame([of_page | dict(zip(names, row)) for row in told], schema=EVENTS_SCHEMA)
        >>> found = attribute_conversions(log, pl.DataFrame(schema=SLOTS_SCHEMA))
        >>> found.select("event_id", "credited", "request_id", "slot").rows()
        [('buy', 'click', 'p1', 1)]
    """
    visitor = pl.coalesce(pl.format("user {}", "user"), pl.format("page {}", "request_id"))
    timed = events.unique("event_id", keep="first", maintain_order=True).with_columns(at=happened(), visitor=visitor)
    conversions = timed.filter(pl.col("kind") == "conversion").sort("at", "event_id")
    conversions = conversions.select(
        "event_id", "user", "item", "value_micros", "currency", "received_us", "visitor", "at", converted_us="at"
    )
    found = _last(conversions, timed, "click", rule.click_window_us)
    if rule.view_window_us is not None:
        left = found.filter(pl.col("credited").is_null()).select(conversions.columns)
        seen = _last(left, timed, "impression", rule.view_window_us)
        found = pl.concat([found.filter(pl.col("credited").is_not_null()), seen]).sort("at", "event_id")
    ads = slots.select(*_SLOT, *_IDS).unique(_SLOT)
    return found.join(ads, on=_SLOT, how="left", maintain_order="left").select(*ATTRIBUTED_SCHEMA)


def credits_by_place(attributed: pl.DataFrame) -> pl.DataFrame:
    """How many conversions each surface, block and campaign is credited with, and their value; the uncredited last.

    Args:
        attributed: as ``attribute_conversions`` returns it.

    Returns:
        A table (surface, block, campaign, currency, conversions, by_click, by_view, value_micros); surface and block
        are null for what is credited to nothing.
    """
    place = ("surface", "block", "campaign", "currency")
    return (
        attributed.group_by(place)
        .agg(
            conversions=pl.len(),
            by_click=(pl.col("credited") == "click").sum(),
            by_view=(pl.col("credited") == "view").sum(),
            value_micros=pl.col("value_micros").cast(pl.Int128).sum(),
        )
        .sort(place, nulls_last=True)
    )


def _last(conversions: pl.DataFrame, timed: pl.DataFrame, kind: str, window_us: int) -> pl.DataFrame:
    order = ("served_us", *_SLOT, "event_id")
    touches = (
        timed.filter(pl.col("kind") == kind)
        .sort(order, descending=[True, *[False] * (len(order) - 1)], nulls_last=True)
        .unique(("visitor", "item", "at"), keep="first", maintain_order=True)
        .sort("at")
        .select(
            "visitor",
            "item",
            "at",
            *_SLOT,
            "surface",
            "release",
            touch_us="at",
            credited=pl.lit("view" if kind == "impression" else kind),
        )
    )
    return conversions.join_asof(
        touches, on="at", by=("visitor", "item"), strategy="backward", tolerance=window_us, check_sortedness=False
    )
