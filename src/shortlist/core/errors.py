"""Every error a user can cause, in one tree.

    ShortlistError                 what went wrong, where, and what to do about it
    ├── DataError                  a table, a column or a row is not as the schema says
    ├── DatasetUnavailable         no cached copy and no way to fetch one
    ├── SettingsError              a key or a value of the configuration
    ├── InvalidRequest             a request that the API cannot accept
    ├── NotFound                   a thing that was asked for by id does not exist
    ├── ReleaseError               a release is missing, torn, altered or of another shape
    └── StageFailed                a required stage of the funnel failed or was late

The command line prints the message and exits with status 2; the server answers with a 4xx (a ``StageFailed``
is a 503). None of them ever reaches a user as a stack trace.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "DatasetUnavailable",
    "InvalidRequest",
    "NotFound",
    "ReleaseError",
    "SettingsError",
    "ShortlistError",
    "StageFailed",
]


class ShortlistError(Exception):
    """Something the user can mend.

    Args:
        what: what is wrong, in one sentence.
        where: the file, table, key or field it was found in.
        fix: what to do about it.

    Example:
        >>> print(ShortlistError("k is -3", where="field 'k'", fix="send a number from 1 to 200"))
        k is -3 (field 'k'): send a number from 1 to 200
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        cure = f": {self.fix}" if self.fix else ""
        return f"{self.what}{place}{cure}"


class DataError(ShortlistError):
    """A table, a column or a row is not as the schema says."""


class DatasetUnavailable(ShortlistError):
    """There is no cached copy of a data set and no way to fetch one."""


class SettingsError(ShortlistError):
    """A key or a value of the configuration is wrong."""


class InvalidRequest(ShortlistError):
    """A request that the API cannot accept."""


class NotFound(ShortlistError):
    """A thing that was asked for by id does not exist."""


class ReleaseError(ShortlistError):
    """A release is missing, torn, altered or of another shape than this version reads."""


class StageFailed(ShortlistError):
    """A required stage of the funnel failed."""
