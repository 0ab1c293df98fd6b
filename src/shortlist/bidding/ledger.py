"""What campaigns have spent. Never lost, never charged twice, never more than the local day's budget."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import sqlalchemy as sa

from shortlist.bidding.tables import CHARGES, SPEND
from shortlist.core.arrays import Int64
from shortlist.core.campaign import Campaign
from shortlist.core.clock import local_day
from shortlist.core.errors import InvalidRequest
from shortlist.core.money import Micros
from shortlist.events.group_commit import GroupCommit

__all__ = ["Charge", "ChargeKind", "Ledger", "Spend"]

ChargeKind = Literal["click"]


@dataclass(frozen=True, slots=True)
class Charge:
    """What became of one paid event, micros: ``settled + given_away = price``.

    Attributes:
        replayed: it had been charged before; this is what was decided then, and nothing has changed.
    """

    price: Micros
    settled: Micros
    given_away: Micros
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Spend:
    """A campaign's local day so far, micros."""

    settled: Micros
    given_away: Micros


@dataclass(frozen=True, slots=True)
class _Day:
    start_us: int
    end_us: int
    settled: Micros


class Ledger:
    """Charges campaigns by a conditional debit, and knows what is left without asking the disk. Safe to share.

    A charge settles ``min(price, budget - settled so far)`` of the campaign's local day, in one transaction that holds
    the write lock from its first read; the rest of the price is given away and counted as such. One impression is
    charged once a kind, whoever reports it and however often.

    What it holds in memory is a view for eligibility: it may lag behind another process's charges, and then a click
    is given away; the debit itself always reads the database.

    Args:
        market: opened by ``open_market``.
    """

    def __init__(self, market: sa.Engine) -> None:
        self._market = market
        self._writer = GroupCommit(market)
        self._days: dict[int, _Day] = {}
        self._gate = threading.Lock()

    def charge(
        self, campaign: Campaign, *, impression: str, kind: ChargeKind = "click", price: Micros, at_us: int
    ) -> Charge:
        """Charge one paid event; durable when it returns.

        Args:
            campaign: who pays.
            impression: id of the impression out of its signed token, not the event's own id.
            kind: what is paid for.
            price: micros, at least 0, as the auction set it.
            at_us: when; decides which local day's budget pays.

        Raises:
            InvalidRequest: the price is negative, the kind unknown, or the impression was charged to another campaign.
        """
        if price < 0 or kind not in get_args(ChargeKind) or not impression:
            raise InvalidRequest(
                f"a {kind!r} of impression {impression!r} for {price} micros cannot be charged",
                where="charge",
                fix=f"name an impression, a kind of {get_args(ChargeKind)} and a price of at least 0",
            )
        start_us, end_us = local_day(at_us, campaign.timezone)

        def debit(connection: sa.Connection) -> tuple[Charge, Micros]:
            return _debit(connection, campaign, impression, kind, price, at_us, start_us)

        charge, settled_today = self._writer.write(debit)
        if not charge.replayed:
            self._note(campaign.campaign, _Day(start_us, end_us, settled_today))
        return charge

    def remaining(self, campaigns: Sequence[Campaign], at_us: int) -> Int64:
        """Micros of each campaign's local day that are left, int64 ``(len(campaigns),)``; never below 0."""
        days = self._days_of(campaigns, at_us)
        left = [max(0, c.daily_budget - day.settled) for c, day in zip(campaigns, days, strict=True)]
        return np.array(left, dtype=np.int64)

    def spent(self, campaign: Campaign, at_us: int) -> Spend:
        """What the local day that holds ``at_us`` has cost so far, from the database."""
        start_us, _ = local_day(at_us, campaign.timezone)
        with self._market.connect() as connection:
            return _spend(connection, campaign.campaign, start_us)

    def charged(self, *, since_us: int, kind: ChargeKind = "click") -> set[str]:
        """The impressions that were charged at or after ``since_us``, from the database."""
        asked = sa.select(CHARGES.c.impression).where(CHARGES.c.at_us >= since_us, CHARGES.c.kind == kind)
        with self._market.connect() as connection:
            return set(connection.execute(asked).scalars())

    def close(self) -> None:
        """Write what waits, then stop; charges after this are refused."""
        self._writer.close()

    def _days_of(self, campaigns: Sequence[Campaign], at_us: int) -> list[_Day]:
        """The local day of each campaign; one query for all those whose day is not in memory yet."""
        held = [self._days.get(c.campaign) for c in campaigns]
        fresh = {
            c.campaign: local_day(at_us, c.timezone)
            for c, day in zip(campaigns, held, strict=True)
            if day is None or not day.start_us <= at_us < day.end_us
        }
        read = self._read(fresh) if fresh else {}
        for key, day in read.items():
            self._note(key, day)
        return [read.get(c.campaign) or self._days[c.campaign] for c in campaigns]

    def _read(self, days: Mapping[int, tuple[int, int]]) -> dict[int, _Day]:
        starts = {start_us for start_us, _ in days.values()}
        asked = sa.select(SPEND.c.campaign, SPEND.c.day_start_us, SPEND.c.settled).where(
            SPEND.c.campaign.in_(days), SPEND.c.day_start_us.in_(starts)
        )
        with self._market.connect() as connection:
            settled = {(row.campaign, row.day_start_us): row.settled for row in connection.execute(asked)}
        return {
            key: _Day(start_us, end_us, settled.get((key, start_us), 0)) for key, (start_us, end_us) in days.items()
        }

    def _note(self, campaign: int, day: _Day) -> None:
        """Remember the later day; of one day the higher amount, for charges may return out of order."""
        with self._gate:
            known = self._days.get(campaign)
            if known is None or (day.start_us, day.settled) > (known.start_us, known.settled):
                self._days[campaign] = day


def _debit(
    connection: sa.Connection,
    campaign: Campaign,
    impression: str,
    kind: ChargeKind,
    price: Micros,
    at_us: int,
    start_us: int,
) -> tuple[Charge, Micros]:
    """The charge, and what the campaign's day has settled with it."""
    before = connection.execute(
        sa.select(CHARGES.c.campaign, CHARGES.c.price, CHARGES.c.settled).where(
            CHARGES.c.impression == impression, CHARGES.c.kind == kind
        )
    ).one_or_none()
    if before is not None:
        if before.campaign != campaign.campaign:
            raise InvalidRequest(
                f"impression {impression!r} was charged to campaign {before.campaign}",
                where="charge",
                fix="send the token that was served with the ad",
            )
        return Charge(before.price, before.settled, before.price - before.settled, replayed=True), 0
    so_far = _spend(connection, campaign.campaign, start_us)
    settled = min(price, max(0, campaign.daily_budget - so_far.settled))
    given_away = price - settled
    connection.execute(
        sa.insert(CHARGES).values(
            impression=impression,
            kind=kind,
            campaign=campaign.campaign,
            day_start_us=start_us,
            at_us=at_us,
            price=price,
            settled=settled,
        )
    )
    row = {"campaign": campaign.campaign, "day_start_us": start_us}
    connection.execute(sa.insert(SPEND).prefix_with("OR IGNORE").values(**row, settled=0, given_away=0))
    connection.execute(
        sa.update(SPEND)
        .where(SPEND.c.campaign == campaign.campaign, SPEND.c.day_start_us == start_us)
        .values(settled=SPEND.c.settled + settled, given_away=SPEND.c.given_away + given_away)
    )
    return Charge(price, settled, given_away), so_far.settled + settled


def _spend(connection: sa.Connection, campaign: int, start_us: int) -> Spend:
    row = connection.execute(
        sa.select(SPEND.c.settled, SPEND.c.given_away).where(
            SPEND.c.campaign == campaign, SPEND.c.day_start_us == start_us
        )
    ).one_or_none()
    return Spend(0, 0) if row is None else Spend(row.settled, row.given_away)
