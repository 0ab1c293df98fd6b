"""Time is int64 microseconds since 1970 in UTC; a local day belongs to a time zone and may have 23 or 25 hours."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shortlist.core.errors import ShortlistError

__all__ = ["HOUR_US", "SECOND_US", "Clock", "ManualClock", "SystemClock", "iso", "local_day", "local_time", "zone"]

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US


class Clock(Protocol):
    """Where the time comes from, so that a test or a simulation can bring its own."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1_000


class ManualClock:
    """A clock that stands still until it is moved.

    Example:
        >>> clock = ManualClock(5)
        >>> clock.advance(10)
        >>> clock.now_us()
        15
    """

    def __init__(self, now_us: int = 0) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return self._now_us

    def advance(self, by_us: int) -> None:
        """Move on by ``by_us`` microseconds."""
        self._now_us += by_us


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        ShortlistError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones is an OSError
        raise ShortlistError(
            f"there is no time zone {name!r}", where="timezone", fix="use an IANA name such as 'Europe/Madrid'"
        ) from error


def local_time(at_us: int, timezone_name: str) -> datetime:
    """The wall clock of a time zone at an instant."""
    return datetime.fromtimestamp(at_us // SECOND_US, tz=UTC).astimezone(zone(timezone_name))


def local_day(at_us: int, timezone_name: str) -> tuple[int, int]:
    """The local calendar day that holds an instant, as ``[start, end)`` in microseconds UTC.

    Budgets reset at its start. The day of a clock change has 23 or 25 hours.

    Example:
        >>> start, end = local_day(1_774_740_000_000_000, "Europe/Madrid")  # 29 March 2026: clocks go forward
        >>> (end - start) // HOUR_US
        23
    """
    midnight = local_time(at_us, timezone_name).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    # Naive arithmetic on the wall clock, then back to UTC: the next midnight, whatever the length of the day.
    after = (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=midnight.tzinfo)
    return int(midnight.timestamp()) * SECOND_US, int(after.timestamp()) * SECOND_US


def iso(at_us: int) -> str:
    """An instant for people.

    Example:
        >>> iso(0)
        '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(at_us // SECOND_US, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
