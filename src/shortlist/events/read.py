"""The log as polars tables: what training, evaluation and experiments start from.

Users are pseudonyms in every table but ``read_clicks``. Scores are a list of (name, value), so that a table's schema
stays the same whatever the funnel's columns were called at the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import polars as pl
import sqlalchemy as sa

from shortlist.events.tables import EVENTS, PAGES, PSEUDONYMS, SCORED, SLOTS

__all__ = [
    "EVENTS_SCHEMA",
    "PAGES_SCHEMA",
    "SCORED_SCHEMA",
    "SLOTS_SCHEMA",
    "read_clicks",
    "read_events",
    "read_pages",
    "read_scored",
    "read_slots",
    "read_sponsored_clicks",
]

_SCORES = pl.List(pl.Struct({"name": pl.String(), "value": pl.Float64()}))
_RANKS = pl.List(pl.Struct({"name": pl.String(), "rank": pl.Int64()}))
_DEGRADATIONS = pl.List(pl.Struct({"stage": pl.String(), "name": pl.String(), "reason": pl.String()}))

PAGES_SCHEMA: dict[str, pl.DataType] = {
    "request_id": pl.String(),
    "surface": pl.String(),
    "user": pl.Int64(),
    "known_user": pl.Boolean(),
    "query": pl.String(),
    "release": pl.String(),
    "policy": pl.String(),
    "temperature": pl.Float64(),
    "draw_key": pl.Int64(),
    "exploration": pl.Float64(),
    "exploration_temperature": pl.Float64(),
    "degradations": _DEGRADATIONS,
    "scored_sampling_rate": pl.Float64(),
    "scored": pl.Boolean(),
    "served_us": pl.Int64(),
}
"""One row a served page."""

_OF_THE_PAGE = (
    "surface",
    "user",
    "release",
    "policy",
    "temperature",
    "draw_key",
    "exploration",
    "exploration_temperature",
    "degradations",
    "served_us",
)

SLOTS_SCHEMA: dict[str, pl.DataType] = {
    "request_id": pl.String(),
    "block": pl.String(),
    "slot": pl.Int64(),
    "item": pl.Int64(),
    "selection_propensity": pl.Float64(),
    "sources": pl.List(pl.String()),
    "scores": _SCORES,
    "campaign": pl.Int64(),
    "creative": pl.Int64(),
    "keyword": pl.Int64(),
    "match_type": pl.String(),
    "currency": pl.String(),
    "bid": pl.Int64(),
    "reserve": pl.Int64(),
    "quality": pl.Float64(),
    "p_click_1": pl.Float64(),
    "slot_effect": pl.Float64(),
    "auction_score": pl.Float64(),
    "price": pl.Int64(),
    "throttle_probability": pl.Float64(),
    "simulated": pl.Boolean(),
} | {name: PAGES_SCHEMA[name] for name in _OF_THE_PAGE}
"""One row a shown slot, with what its page was chosen by; ``campaign`` to ``simulated`` of ads only."""

SCORED_SCHEMA: dict[str, pl.DataType] = {
    "request_id": pl.String(),
    "candidate": pl.Int64(),
    "block": pl.String(),
    "item": pl.Int64(),
    "slot": pl.Int64(),
    "campaign": pl.Int64(),
    "creative": pl.Int64(),
    "keyword": pl.Int64(),
    "sources": _RANKS,
    "scores": _SCORES,
    "dropped_by": pl.String(),
    "reason": pl.String(),
    "surface": pl.String(),
    "release": pl.String(),
    "policy": pl.String(),
    "scored_sampling_rate": pl.Float64(),
    "served_us": pl.Int64(),
}
"""One row a candidate of a sampled page; ``slot`` counts within ``block``."""

EVENTS_SCHEMA: dict[str, pl.DataType] = {
    "event_id": pl.String(),
    "kind": pl.String(),
    "request_id": pl.String(),
    "block": pl.String(),
    "slot": pl.Int64(),
    "item": pl.Int64(),
    "value_micros": pl.Int64(),
    "currency": pl.String(),
    "event_us": pl.Int64(),
    "received_us": pl.Int64(),
    "user": pl.Int64(),
    "surface": pl.String(),
    "release": pl.String(),
    "served_us": pl.Int64(),
}
"""One row an event, with whose page it was; ``event_us`` is null where the client did not say."""


def read_pages(engine: sa.Engine, *, since_us: int | None = None, until_us: int | None = None) -> pl.DataFrame:
    """Pages served in ``[since_us, until_us)``, in the schema ``PAGES_SCHEMA``, by time."""
    query = sa.select(*(PAGES.c[name] for name in PAGES_SCHEMA))
    return _read(engine, _between(query, PAGES.c.served_us, since_us, until_us), PAGES_SCHEMA)


def read_slots(engine: sa.Engine, *, since_us: int | None = None, until_us: int | None = None) -> pl.DataFrame:
    """Slots of the pages served in ``[since_us, until_us)``, in the schema ``SLOTS_SCHEMA``, by time and position."""
    of_the_slot = (SLOTS.c[name] for name in SLOTS_SCHEMA if name not in _OF_THE_PAGE)
    query = sa.select(*of_the_slot, *(PAGES.c[name] for name in _OF_THE_PAGE)).join_from(
        SLOTS, PAGES, SLOTS.c.request_id == PAGES.c.request_id
    )
    query = _between(query, PAGES.c.served_us, since_us, until_us).order_by(SLOTS.c.block, SLOTS.c.slot)
    return _read(engine, query, SLOTS_SCHEMA)


def read_scored(engine: sa.Engine, *, since_us: int | None = None, until_us: int | None = None) -> pl.DataFrame:
    """Candidates of the sampled pages served in ``[since_us, until_us)``, in the schema ``SCORED_SCHEMA``."""
    query = sa.select(*((SCORED.c if name in SCORED.c else PAGES.c)[name] for name in SCORED_SCHEMA)).join_from(
        SCORED, PAGES, SCORED.c.request_id == PAGES.c.request_id
    )
    query = _between(query, PAGES.c.served_us, since_us, until_us).order_by(SCORED.c.candidate)
    return _read(engine, query, SCORED_SCHEMA)


def read_events(engine: sa.Engine, *, since_us: int | None = None, until_us: int | None = None) -> pl.DataFrame:
    """Events **received** in ``[since_us, until_us)``, in the schema ``EVENTS_SCHEMA``, in the order of arrival.

    A late event belongs to the hour it arrived in: what was read of an hour that has passed never changes.
    """
    query = sa.select(*((EVENTS.c if name in EVENTS.c else PAGES.c)[name] for name in EVENTS_SCHEMA)).join_from(
        EVENTS, PAGES, EVENTS.c.request_id == PAGES.c.request_id, isouter=True
    )
    if since_us is not None:
        query = query.where(EVENTS.c.received_us >= since_us)
    if until_us is not None:
        query = query.where(EVENTS.c.received_us < until_us)
    return _read(engine, query.order_by(EVENTS.c.sequence), EVENTS_SCHEMA)


def read_clicks(engine: sa.Engine, *, after_sequence: int = 0) -> tuple[pl.DataFrame, int]:
    """Organic clicks by the users that the installation still knows, for their histories: a slot's first, once.

    Args:
        engine: the log's database.
        after_sequence: only what arrived after it; 0 for all.

    Returns:
        A table (user, item, received_us) with catalogue keys, in the order of arrival, and the sequence to go on from.
    """
    earlier = EVENTS.alias()
    same = (earlier.c[name] == EVENTS.c[name] for name in ("request_id", "kind", "block", "slot"))
    repeated = sa.exists().where(earlier.c.sequence < EVENTS.c.sequence, *same)
    query = (
        sa.select(PSEUDONYMS.c.user, EVENTS.c.item, EVENTS.c.received_us)
        .join_from(EVENTS, PAGES, EVENTS.c.request_id == PAGES.c.request_id)
        .join(PSEUDONYMS, PAGES.c.user == PSEUDONYMS.c.pseudonym)
        .where(EVENTS.c.kind == "click", EVENTS.c.block == "organic", EVENTS.c.sequence > after_sequence, ~repeated)
        .order_by(EVENTS.c.sequence)
    )
    schema = {"user": pl.Int64(), "item": pl.Int64(), "received_us": pl.Int64()}
    with engine.connect() as connection:
        last = connection.execute(sa.select(sa.func.max(EVENTS.c.sequence))).scalar_one()
        rows = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(rows, schema=schema, orient="row"), max(int(last or 0), after_sequence)


def read_sponsored_clicks(engine: sa.Engine, *, since_us: int) -> pl.DataFrame:
    """Clicks on ads received at or after ``since_us``, with the price that the page agreed: what must be charged.

    Returns:
        A table (request_id, slot, campaign, price, received_us), in the order of arrival.
    """
    query = (
        sa.select(EVENTS.c.request_id, EVENTS.c.slot, SLOTS.c.campaign, SLOTS.c.price, EVENTS.c.received_us)
        .join_from(
            EVENTS,
            SLOTS,
            sa.and_(
                EVENTS.c.request_id == SLOTS.c.request_id,
                EVENTS.c.block == SLOTS.c.block,
                EVENTS.c.slot == SLOTS.c.slot,
            ),
        )
        .where(EVENTS.c.kind == "click", EVENTS.c.block == "sponsored", EVENTS.c.received_us >= since_us)
        .order_by(EVENTS.c.sequence)
    )
    names = ("request_id", "slot", "campaign", "price", "received_us")
    return _read(engine, query, {name: (SLOTS_SCHEMA | EVENTS_SCHEMA)[name] for name in names})


def _between(
    query: sa.Select[Any], column: sa.ColumnElement[int], since_us: int | None, until_us: int | None
) -> sa.Select[Any]:
    if since_us is not None:
        query = query.where(column >= since_us)
    if until_us is not None:
        query = query.where(column < until_us)
    return query.order_by(PAGES.c.served_us, PAGES.c.request_id)


def _read(engine: sa.Engine, query: sa.Select[Any], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pl.DataFrame(
        [
            pl.Series(name, [_decoder(kind)(value) for value in values], dtype=kind)
            for (name, kind), values in zip(schema.items(), columns, strict=True)
        ]
    )


def _decoder(kind: pl.DataType) -> Callable[[Any], Any]:
    if kind == _SCORES:
        return lambda raw: [{"name": name, "value": value} for name, value in msgspec.json.decode(raw).items()]
    if kind == _RANKS:
        return lambda raw: [{"name": name, "rank": rank} for name, rank in msgspec.json.decode(raw).items()]
    if isinstance(kind, pl.List):
        return msgspec.json.decode
    return lambda value: value
