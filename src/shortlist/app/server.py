"""Listens: takes the port before anything else, says where to look once it answers, and ends within two seconds."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from litestar import Litestar

from shortlist.core.errors import ShortlistError

__all__ = ["GRACE_SECONDS", "run_server", "take_port"]

GRACE_SECONDS = 2
"""How long requests in flight may take once the server was told to stop."""


def take_port(host: str, port: int) -> socket.socket:
    """A socket bound to that address; port 0 takes a free one.

    Raises:
        ShortlistError: the port is taken, or the address is empty or not this machine's.
    """
    if not host.strip():
        raise ShortlistError("the host is empty", where="host", fix="name an address of this machine, or leave it out")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it, an answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise ShortlistError(
                f"port {port} is in use", where=where, fix="stop what listens there, or name another with --port"
            ) from None
        raise ShortlistError(
            f"cannot listen: {error.strerror}",
            where=where,
            fix="name an address of this machine and a port you may take",
        ) from None
    return listener


def run_server(app: Litestar, listener: socket.socket, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        app: what answers.
        listener: from ``take_port``.
        ready: called once with the server's address, when it answers.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="none",
    )
    server = _Server(config, lambda: ready(_address(listener)))
    # uvicorn raises the signal again once it has shut down: from then on it means nothing more.
    before = signal.signal(signal.SIGTERM, _ended)
    try:
        server.run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)
        listener.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _ended(_signal: int, _frame: FrameType | None) -> None:
    return
