"""A form's field that nobody filled in is no parameter: browsers send ``user=`` for it, and "" is no number."""

from __future__ import annotations

from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["WithoutUnfilled"]


class WithoutUnfilled:
    """Middleware that leaves empty fields out of the query, so that what they stand for has its default.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        fields = scope["query_string"].split(b"&")
        scope["query_string"] = b"&".join(field for field in fields if field.partition(b"=")[2])
        await self._app(scope, receive, send)
