"""``shortlist releases``: which there are, whether they are whole, and which one serves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortlist.core.clock import iso
from shortlist.releases.active import activate, find_release, list_releases

__all__ = ["app"]

app = typer.Typer(help="Releases: everything that was trained together.", no_args_is_help=True)

_State = Annotated[Path, typer.Option(help="Folder of releases, logs and campaigns.")]
_Version = Annotated[str, typer.Argument(help="The release's name.")]


@app.command("list")
def show(*, state: _State = Path("state")) -> None:
    """Show all releases, oldest first; the one that serves has a star."""
    for listed in list_releases(state / "releases"):
        manifest = listed.manifest
        told = f"{iso(manifest.created_us)}  {manifest.facts.dataset}" if manifest else f"refused: {listed.problem}"
        print(f"{'*' if listed.active else ' '} {listed.version}  {told}")


@app.command("verify")
def verify(version: _Version, *, state: _State = Path("state")) -> None:
    """Check the signature and every file of a release."""
    release = find_release(state / "releases", version)
    size = sum(fact.bytes for fact in release.manifest.files.values())
    print(f"{release.version} is whole: {len(release.manifest.files)} files, {size / 1e6:.1f} MB")


@app.command("activate")
def make_active(version: _Version, *, state: _State = Path("state")) -> None:
    """Check a release and serve it from the next start on; a running server is told by its API."""
    release = activate(state / "releases", version)
    print(f"{release.version} is active")
