"""The log's tables. Served, event and received time are three columns, int64 microseconds UTC, never one.

pages       one row a served page: who (a pseudonym), what was asked, which release and policy chose
slots       one row a shown slot, organic or sponsored: item, position, propensity, scores, price
scored      on a sampled share of pages, one row a candidate that the policy could choose from, or that was dropped
events      one row an impression, a click or a conversion, by its client's id
pseudonyms  user ↔ pseudonym, the one place that knows both
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["EVENTS", "LOG", "PAGES", "PSEUDONYMS", "SCORED", "SLOTS"]

LOG = sa.MetaData()

PAGES = sa.Table(
    "pages",
    LOG,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("surface", sa.Text, nullable=False),
    sa.Column("user", sa.BigInteger, comment="pseudonym; null for a visitor nobody knows"),
    sa.Column("known_user", sa.Boolean, nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("release", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("temperature", sa.Float, nullable=False, comment="of the slot softmax; 0 is greedy"),
    sa.Column("draw_key", sa.BigInteger, nullable=False, comment="seed of every draw of the page"),
    sa.Column("exploration", sa.Float, comment="share of each slot kept for little-known items; null in older rows"),
    sa.Column("exploration_temperature", sa.Float, comment="of the softmax among those"),
    sa.Column("degradations", sa.Text, nullable=False, comment="JSON: what the page went without, and why"),
    sa.Column("scored_sampling_rate", sa.Float, nullable=False, comment="share of pages with rows in scored"),
    sa.Column("scored", sa.Boolean, nullable=False, comment="whether this page is one of them"),
    sa.Column("served_us", sa.BigInteger, nullable=False, index=True),
)

SLOTS = sa.Table(
    "slots",
    LOG,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("block", sa.Text, primary_key=True, comment="organic or sponsored"),
    sa.Column("slot", sa.Integer, primary_key=True, comment="position in its block, from 1"),
    sa.Column("item", sa.BigInteger, nullable=False),
    sa.Column("selection_propensity", sa.Float, nullable=False, comment="P(item | context, set, slots above)"),
    sa.Column("sources", sa.Text, nullable=False, comment="JSON: names of the sources that found it"),
    sa.Column("scores", sa.Text, nullable=False, comment="JSON: the funnel's columns by name"),
    sa.Column("campaign", sa.BigInteger, comment="this and what follows: sponsored only"),
    sa.Column("creative", sa.BigInteger),
    sa.Column("keyword", sa.BigInteger),
    sa.Column("match_type", sa.Text),
    sa.Column("currency", sa.Text),
    sa.Column("bid", sa.BigInteger, comment="micros"),
    sa.Column("reserve", sa.BigInteger, comment="micros"),
    sa.Column("quality", sa.Float),
    sa.Column("p_click_1", sa.Float, comment="P(click | shown at slot 1)"),
    sa.Column("slot_effect", sa.Float),
    sa.Column("auction_score", sa.Float),
    sa.Column("price", sa.BigInteger, comment="micros a click"),
    sa.Column("throttle_probability", sa.Float, comment="chance that the ad was let into the auction"),
    sa.Column("simulated", sa.Boolean, comment="whether the campaign was made by the simulator"),
)

SCORED = sa.Table(
    "scored",
    LOG,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("candidate", sa.Integer, primary_key=True, comment="its number among all of the page, from 0"),
    sa.Column("block", sa.Text, comment="organic or sponsored: whose slots it stood for"),
    sa.Column("item", sa.BigInteger, nullable=False),
    sa.Column("slot", sa.Integer, nullable=False, comment="where in its block it was shown; 0 if it was not"),
    sa.Column("campaign", sa.BigInteger, comment="this, creative and keyword: sponsored only"),
    sa.Column("creative", sa.BigInteger),
    sa.Column("keyword", sa.BigInteger),
    sa.Column("sources", sa.Text, nullable=False, comment="JSON: rank in each source that found it, from 1"),
    sa.Column("scores", sa.Text, nullable=False, comment="JSON: the funnel's columns by name"),
    sa.Column("dropped_by", sa.Text, nullable=False, comment="filter; empty if none dropped it"),
    sa.Column("reason", sa.Text, nullable=False),
)

EVENTS = sa.Table(
    "events",
    LOG,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True, comment="order of arrival"),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False, comment="impression, click or conversion"),
    sa.Column("request_id", sa.Text, nullable=False, index=True),
    sa.Column("block", sa.Text, nullable=False),
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("item", sa.BigInteger, nullable=False),
    sa.Column("value_micros", sa.BigInteger, comment="of a conversion"),
    sa.Column("currency", sa.Text, comment="of the value"),
    sa.Column("event_us", sa.BigInteger, comment="by the client's clock; null where it did not say"),
    sa.Column("received_us", sa.BigInteger, nullable=False, index=True, comment="by the server's clock"),
    sqlite_autoincrement=True,
)

PSEUDONYMS = sa.Table(
    "pseudonyms",
    LOG,
    sa.Column("user", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("pseudonym", sa.BigInteger, nullable=False, unique=True, comment="63 random bits"),
)
