"""``shortlist serve``: the active release, its API and its pages on one port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from shortlist.app.factory import create_app
from shortlist.app.server import run_server, take_port
from shortlist.core.settings import load_settings

__all__ = ["serve"]


def serve(
    *,
    state: Annotated[Path, typer.Option(help="Folder of releases, logs and campaigns.")] = Path("state"),
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="TCP port; 8000 without.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; the loopback address without.")] = None,
    settings: Annotated[Path | None, typer.Option(help="A settings file, such as shortlist.toml.")] = None,
) -> None:
    """Serve the active release until Ctrl-C: feed, search with sponsored results, console, lessons and the API."""
    knobs = load_settings(settings)
    named = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    knobs = replace(knobs, server=replace(knobs.server, **named))
    listener = take_port(knobs.server.host, knobs.server.port)
    try:
        app = create_app(state, knobs)
    except BaseException:
        listener.close()
        raise
    run_server(app, listener, ready=lambda address: _say(address, state))


def _say(address: str, state: Path) -> None:
    print(f"Shortlist is serving on {address}")
    print(f"  feed     {address}/")
    print(f"  search   {address}/search")
    print(f"  lessons  {address}/lessons")
    print(f"  API      {address}/api")
    print(
        f"  The admin key is in {state / 'admin.key'}, unless SHORTLIST_ADMIN_KEY is set. Ctrl-C stops the server.",
        flush=True,
    )
