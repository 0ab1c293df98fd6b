"""Money is whole millionths of a currency unit ("micros"); a float never holds an amount that is owed.

A campaign has one currency; amounts of different currencies are never added.
"""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float64, Int64

__all__ = ["MICROS", "Micros", "format_micros", "price_micros"]

Micros = int
MICROS = 1_000_000
"""Micros in one currency unit."""


def price_micros(price: Float64, bid: Int64) -> Int64:
    """Prices as they are charged: rounded **up** to a whole micro, then capped at the bid.

    Args:
        price: float64 ``(n,)``, what a mechanism computed, in micros.
        bid: int64 ``(n,)``, in micros; nobody pays more.

    Returns:
        int64 ``(n,)`` micros, never below 0.

    Example:
        >>> price_micros(np.array([1.2, 9.5]), np.array([5, 9])).tolist()
        [2, 9]
    """
    # A price that float arithmetic left a hair above a whole micro is that micro: 1e-6 of a micro is not money.
    rounded = np.ceil(np.asarray(price, dtype=np.float64) - 1e-6)
    return np.minimum(np.maximum(rounded, 0.0).astype(np.int64), np.asarray(bid, dtype=np.int64))


def format_micros(amount: Micros, currency: str = "") -> str:
    """An amount for people.

    Example:
        >>> format_micros(350_000, "EUR")
        '0.35 EUR'
        >>> format_micros(1)
        '0.000001'
    """
    sign = "-" if amount < 0 else ""
    units, rest = divmod(abs(amount), MICROS)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{units}.{decimals}{' ' + currency if currency else ''}"
