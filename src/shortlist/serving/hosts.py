"""Which names a server answers to: a page from elsewhere cannot talk to a local server under a name of its own.

A browser lets a page talk to the address that the page's own name leads to. Whoever owns a name can lead it to the
loopback address ("DNS rebinding"); the ``Host`` header then still says the foreign name.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from shortlist.serving.answers import Answer, Mistake

__all__ = ["KnownHosts"]


class KnownHosts:
    """Middleware that refuses requests for a host by an unknown name, with status 421.

    Args:
        app: the application behind it.
        names: the names that are answered, without ports; None for any.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] | None) -> None:
        self._app = app
        self._names = None if names is None else frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if self._names is None or scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        told = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if _without_port(told).lower() in self._names:
            await self._app(scope, receive, send)
            return
        fix = "ask by the address that the server printed, or name the host in the setting server.hosts"
        body = msgspec.json.encode(Answer(Mistake(f"this server is not known as {told[:200]!r}", "header 'host'", fix)))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
