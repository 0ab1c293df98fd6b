"""The market's tables, in one SQLite file. Amounts are integer micros; nothing here names a user.

campaigns  one row a campaign, as its owner wrote it
spend      one row a campaign and local day: settled, never above the day's budget, and given away
charges    one row a paid event, unique by impression and kind: a second report of it changes nothing
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from shortlist.events.database import open_database

__all__ = ["CAMPAIGNS", "CHARGES", "MARKET", "SPEND", "open_market"]

MARKET = sa.MetaData()

CAMPAIGNS = sa.Table(
    "campaigns",
    MARKET,
    sa.Column("campaign", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("document", sa.LargeBinary, nullable=False, comment="JSON of core.campaign.Campaign"),
)

SPEND = sa.Table(
    "spend",
    MARKET,
    sa.Column("campaign", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day_start_us", sa.BigInteger, primary_key=True, autoincrement=False, comment="local midnight, UTC"),
    sa.Column("settled", sa.BigInteger, nullable=False),
    sa.Column("given_away", sa.BigInteger, nullable=False),
    sa.CheckConstraint("settled >= 0 AND given_away >= 0", name="never_negative"),
)

CHARGES = sa.Table(
    "charges",
    MARKET,
    sa.Column("impression", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("campaign", sa.BigInteger, nullable=False),
    sa.Column("day_start_us", sa.BigInteger, nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.BigInteger, nullable=False),
    sa.CheckConstraint("settled >= 0 AND settled <= price", name="never_above_the_price"),
)


def open_market(path: Path) -> sa.Engine:
    """The market's database; a commit that returned survives a power cut.

    Raises:
        DataError: the file cannot be opened or is no database.
    """
    return open_database(path, MARKET)
