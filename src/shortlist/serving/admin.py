"""The admin key: whoever sends it may read and change campaigns and activate releases."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard

from shortlist.core.errors import SettingsError
from shortlist.releases.key import derive_key

__all__ = ["ADMIN_KEY_FILE", "ADMIN_KEY_VARIABLE", "AdminCheck", "admin_check", "admin_guard", "admin_key"]

ADMIN_KEY_VARIABLE = "SHORTLIST_ADMIN_KEY"
ADMIN_KEY_FILE = "admin.key"
_SHORTEST = 16

AdminCheck = Callable[[ASGIConnection[Any, Any, Any, Any]], bool]
"""Whether a request brings the admin key."""


def admin_key(state_dir: Path, installation_key: bytes) -> str:
    """The admin key: the environment's, or else one derived from the installation's key.

    The derived one is written to ``<state>/admin.key``, readable by its owner only; it is never logged.

    Raises:
        SettingsError: the environment's is too short to be a secret.
    """
    given = os.environ.get(ADMIN_KEY_VARIABLE)
    if given is not None:
        if len(given) < _SHORTEST:
            raise SettingsError(
                "the admin key is too short", where=ADMIN_KEY_VARIABLE, fix=f"use at least {_SHORTEST} characters"
            )
        return given
    key = derive_key(installation_key, "admin key").hex()
    path = state_dir / ADMIN_KEY_FILE
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key + "\n")
    return key


def admin_check(key: str) -> AdminCheck:
    """Looks for ``Authorization: Bearer <key>``; the comparison takes the same time for any other."""
    expected = f"Bearer {key}".encode()

    def check(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
        sent = connection.headers.get("authorization", "").encode("latin-1", "replace")
        return hmac.compare_digest(sent, expected)

    return check


def admin_guard(check: AdminCheck) -> Guard:
    """A guard that lets through whoever brings the admin key."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        if not check(connection):
            raise NotAuthorizedException(
                "this needs the admin key", headers={"WWW-Authenticate": 'Bearer realm="shortlist"'}
            )

    return guard
