"""Clicks and conversions of the log, as they were known at an instant, as rows to learn from."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from shortlist.core.arrays import Float32
from shortlist.core.clock import HOUR_US
from shortlist.events.attribution import AttributionRule, attribute_conversions, happened
from shortlist.events.read import SLOTS_SCHEMA
from shortlist.learning.conversion_labels import NEVER, conversion_labels

__all__ = ["LoggedConversions", "logged_conversions"]

_DAY_US = 24 * HOUR_US
_SLOT = ("request_id", "block", "slot")


class LoggedConversions(NamedTuple):
    """What was known of every slot that somebody saw.

    Attributes:
        rows: a row a slot, by time: request_id, block, slot, item, user, shown_us, click, and converted_us, the instant
            at which the first conversion that is credited to it became known; null for none.
        label: float32 ``(len(rows), 3)`` as ``conversion_labels`` gives it.
    """

    rows: pl.DataFrame
    label: Float32


def logged_conversions(
    events: pl.DataFrame, *, now_us: int, click_window_us: int = 7 * _DAY_US, unit_us: int = _DAY_US
) -> LoggedConversions:
    """Labels for the likelihood of delays, from the log as it stood at ``now_us``.

    A slot was seen where there is an impression or a click of it; the earlier of the two is when. Conversions are
    credited to last clicks, so that a click which arrives late may take a conversion away from an earlier one. The
    delay runs until a conversion was **known**, not until it happened: what the likelihood asks of a row without a
    conversion is how probable it is that none is known yet.

        label = (clicked, known conversion, time from seen to known, or from seen to now)

    No conversion is credited after the window, so let it be several times the mean delay: the likelihood thinks of
    delays as exponential, without an end.

    Args:
        events: in the columns of ``events.read.EVENTS_SCHEMA``, in any order; what arrived after ``now_us`` is ignored.
        now_us: microseconds UTC.
        click_window_us: how long before a conversion its click may lie.
        unit_us: of the third column of the labels.

    Example:
        >>> from shortlist.events.read import EVENTS_SCHEMA
        >>> told = [("c", "click", 0, 1), ("b", "conversion", 2, 5)]  # bought on day 2, known on day 5
        >>> log = pl.DataFrame(
        ...     [
        ...         {"event_id": name, "kind": kind, "request_id": "p", "block": "organic", "slot": 1, "item": 7}
        ...         | {"event_us": at * _DAY_US, "received_us": known * _DAY_US}
        ...         for name, kind, at, known in told
        ...     ],
        ...     schema=EVENTS_SCHEMA,
        ... )
        >>> [logged_conversions(log, now_us=day * _DAY_US).label.tolist() for day in (3, 6)]
        [[[1.0, 0.0, 3.0]], [[1.0, 1.0, 5.0]]]
    """
    known = events.filter(pl.col("received_us") <= now_us)
    seen = (
        known.filter(pl.col("kind") != "conversion")
        .group_by(_SLOT)
        .agg(pl.col("item", "user").first(), shown_us=happened().min(), click=(pl.col("kind") == "click").any())
    )
    credited = attribute_conversions(known, pl.DataFrame(schema=SLOTS_SCHEMA), AttributionRule(click_window_us))
    first = credited.drop_nulls("credited").group_by(_SLOT).agg(converted_us=pl.col("received_us").min())
    rows = seen.join(first, on=_SLOT, how="left").sort("shown_us", *_SLOT)
    label = conversion_labels(
        rows["shown_us"].to_numpy(),
        rows["click"].to_numpy(),
        rows["converted_us"].fill_null(NEVER).to_numpy(),
        now_us=now_us,
        unit_us=unit_us,
    )
    return LoggedConversions(rows, label)
