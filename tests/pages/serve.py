"""The pages over a world: as an application, and on a port of this process."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import uvicorn
from litestar import Litestar

from shortlist.console.routes import console_router
from shortlist.lessons.routes import lessons_router
from shortlist.pages.shell import static_router


class Holder:
    """Holds the world that is active; a test may put another one in its place."""

    def __init__(self, world):
        self.world = world

    def __getattr__(self, name):
        return getattr(self.world, name)


def application(holder):
    return Litestar(
        [
            static_router(),
            console_router(lambda: holder.world.engine, holder),
            lessons_router(lambda: holder.world.engine),
        ],
        openapi_config=None,
    )


@contextmanager
def running(app):
    """Serve an application from a thread; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
