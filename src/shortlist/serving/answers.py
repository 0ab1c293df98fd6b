"""How a mistake is answered: ``{"error": {"what", "where", "fix"}}``, a 4xx, and never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from shortlist.core.errors import InvalidRequest, NotFound, ReleaseError, ShortlistError, StageFailed
from shortlist.events.event import EventConflict

__all__ = ["HANDLERS", "Answer", "Mistake", "harden"]

log = logging.getLogger("shortlist.serving")

_STATUS: dict[type[ShortlistError], int] = {
    EventConflict: 409,
    InvalidRequest: 400,
    NotFound: 404,
    ReleaseError: 409,
    StageFailed: 503,
}
_FIXES = {
    401: "send 'Authorization: Bearer KEY' with the admin key",
    404: "see the API's page for what there is",
    405: "see the API's page for the right method",
    413: "send less at once",
    415: "send JSON with 'content-type: application/json'",
}
_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Mistake(msgspec.Struct, frozen=True):
    """What was wrong, where, and what to do about it."""

    what: str
    where: str = ""
    fix: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The answer to a mistake."""

    error: Mistake


def _shortlist_error(_request: Request[Any, Any, Any], error: ShortlistError) -> Response[Answer]:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    return _answer(status, Mistake(error.what, error.where, error.fix))


def _http_exception(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Answer]:
    parts = error.extra if isinstance(error.extra, list) else []
    told = [part for part in parts if isinstance(part, dict)]
    what = "; ".join(str(part.get("message", "")) for part in told) or error.detail
    where = ", ".join("body" if part["key"] == "data" else str(part["key"]) for part in told if part.get("key"))
    if error.status_code >= 500:
        log.error("a request failed", exc_info=error)
        what, where = "the server failed", ""
    fix = _FIXES.get(error.status_code, _FIXES[404] if error.status_code < 500 else "see the server's log")
    return _answer(error.status_code, Mistake(what, where, fix), error.headers)


def _server_error(_request: Request[Any, Any, Any], error: Exception) -> Response[Answer]:
    log.error("a request failed", exc_info=error)
    return _answer(500, Mistake("the server failed", "", "see the server's log"))


def _answer(status: int, mistake: Mistake, headers: dict[str, str] | None = None) -> Response[Answer]:
    return Response(Answer(mistake), status_code=status, media_type=MediaType.JSON, headers=headers)


HANDLERS: dict[int | type[Exception], Any] = {
    ShortlistError: _shortlist_error,
    HTTPException: _http_exception,
    Exception: _server_error,
}
"""Exception handlers for the whole application."""


async def harden(message: Message, _scope: Scope) -> None:
    """Put the security headers on an answer that does not bring its own: nothing is loaded, framed or sniffed."""
    if message["type"] == "http.response.start":
        headers = list(message.get("headers", ()))
        present = {name.lower() for name, _ in headers}
        missing = [(name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in present]
        message["headers"] = [*headers, *missing]
