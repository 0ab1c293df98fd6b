"""Users in the log are pseudonyms: 63 random bits that say nothing about who it is.

Destroying the row that maps a user to a pseudonym makes that user's log anonymous; training still reads it.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from shortlist.core.errors import DataError
from shortlist.events.database import checkpoint
from shortlist.events.group_commit import GroupCommit
from shortlist.events.tables import PSEUDONYMS

__all__ = ["forget_user", "pseudonym_of"]


def pseudonym_of(connection: sa.Connection, user: int) -> int:
    """The pseudonym of a user, made on first use, within a transaction that writes."""
    wanted = sa.select(PSEUDONYMS.c.pseudonym).where(PSEUDONYMS.c.user == user)
    held = connection.execute(wanted).scalar_one_or_none()
    if held is not None:
        return int(held)
    made = secrets.randbits(63)
    connection.execute(sa.insert(PSEUDONYMS).values(user=user, pseudonym=made))
    return made


def forget_user(engine: sa.Engine, writer: GroupCommit, user: int) -> bool:
    """Destroy the mapping of a user; whether there was one. Should the user come back, it is under a new pseudonym.

    A server that runs meanwhile remembers the user, and the last pages, until it ends.

    Raises:
        DataError: the mapping is deleted, but a reader keeps its bytes in the write-ahead log.
    """
    deleted = writer.write(lambda c: c.execute(sa.delete(PSEUDONYMS).where(PSEUDONYMS.c.user == user)).rowcount)
    if not checkpoint(engine):
        raise DataError(
            "the mapping is deleted, but its bytes stay in the write-ahead log while somebody reads it",
            where=f"{engine.url.database}-wal",
            fix="stop the server or the export that reads, then forget the user again",
        )
    return deleted > 0
