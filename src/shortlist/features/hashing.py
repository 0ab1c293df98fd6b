"""Ids of any range in a fixed number of buckets, crosses of two ids, and what sharing a bucket costs."""

from __future__ import annotations

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Int64, UInt64
from shortlist.core.errors import DataError

__all__ = ["CollisionReport", "collision_report", "hashed_ids", "pair_keys"]

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_STEP = np.uint64(0x9E3779B97F4A7C15)


class CollisionReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many ids share a bucket.

    Attributes:
        ids: distinct ids that were met.
        buckets: there are.
        collided: ids that share their bucket with another one.
        expected: how many would, under a hash that throws ids evenly: ``ids (1 - (1 - 1/buckets)^(ids - 1))``.
        traffic: the share of rows whose id shares its bucket.
    """

    ids: int
    buckets: int
    collided: int
    expected: float
    traffic: float


def hashed_ids(keys: Array, buckets: int, *, salt: int = 0) -> Int64:
    """Buckets 1 to ``buckets``, int64 ``(N,)``; 0 for negative keys, which are unknown.

    The finaliser of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
    the same on every machine. The trick: Weinberger et al., ICML 2009.

    Args:
        keys: integers ``(N,)``.
        buckets: at least 1.
        salt: another number for another feature, so that two features do not collide alike.

    Example:
        >>> hashed_ids(np.array([3, 3, -1]), 10).tolist()
        [4, 4, 0]
    """
    if buckets < 1:
        raise DataError(f"{buckets} buckets", where="buckets", fix="give at least 1")
    key = np.asarray(keys, dtype=np.int64)
    bucket = (_mixed(key.astype(np.uint64), salt) % np.uint64(buckets)).astype(np.int64) + 1
    return np.where(key < 0, 0, bucket)


def pair_keys(a: Array, b: Array) -> Int64:
    """One key a pair, int64 ``(N,)`` and not negative; -1 where either is negative.

    The pairs are mixed into 63 bits: of a million distinct pairs, two share a key with a chance of 5e-8.

    Example:
        >>> one, two, none = pair_keys(np.array([1, 2, -1]), np.array([2, 1, 5])).tolist()
        >>> one == two, none
        (False, -1)
    """
    a, b = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    mixed = _mixed(_mixed(a.astype(np.uint64), 1) ^ b.astype(np.uint64), 2)
    return np.where((a < 0) | (b < 0), -1, (mixed >> np.uint64(1)).astype(np.int64))


def collision_report(keys: Array, buckets: int, *, salt: int = 0) -> CollisionReport:
    """What hashing these rows' keys costs; unknown ones (negative) are left out.

    Example:
        >>> collision_report(np.array([1, 1, 2]), 1).traffic
        1.0
    """
    key = np.asarray(keys, dtype=np.int64)
    ids, rows = np.unique(key[key >= 0], return_counts=True)
    bucket = hashed_ids(ids, buckets, salt=salt)
    shared = np.bincount(bucket, minlength=buckets + 1)[bucket] > 1
    n = len(ids)
    return CollisionReport(
        ids=n,
        buckets=buckets,
        collided=int(shared.sum()),
        expected=float(-n * np.expm1((n - 1) * np.log1p(-1.0 / buckets)))
        if n > 1 and buckets > 1
        else float(n > 1) * n,
        traffic=float(rows[shared].sum() / max(int(rows.sum()), 1)),
    )


def _mixed(z: UInt64, salt: int) -> UInt64:
    with np.errstate(over="ignore"):
        z = z + _STEP * np.uint64(salt + 1)
        z = (z ^ (z >> np.uint64(30))) * _MIX[0]
        z = (z ^ (z >> np.uint64(27))) * _MIX[1]
        return z ^ (z >> np.uint64(31))
