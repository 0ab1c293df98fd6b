"""Which release serves: the file ``<releases>/ACTIVE`` holds its version, and is replaced in one step."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from shortlist.core.errors import ReleaseError
from shortlist.releases.manifest import Manifest, check_version
from shortlist.releases.release import Release, open_release, read_manifest
from shortlist.releases.writer import sync_folder

__all__ = [
    "ACTIVE_FILE",
    "Listed",
    "activate",
    "active_release",
    "active_version",
    "find_release",
    "list_releases",
    "mark_active",
]

ACTIVE_FILE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Listed:
    """One folder below ``<releases>``.

    Attributes:
        version: its name.
        active: whether it is the one that serves.
        manifest: None where it cannot be read.
        problem: why not; empty where it can.
    """

    version: str
    active: bool
    manifest: Manifest | None
    problem: str = ""


def activate(releases_dir: Path, version: str, *, key: bytes | None = None) -> Release:
    """Make a release the one that serves, after checking every file of it.

    Raises:
        ReleaseError: there is no such release, or it is not whole; the one that was active stays so.
    """
    release = find_release(releases_dir, version, key=key)
    mark_active(releases_dir, release)
    return release


def mark_active(releases_dir: Path, release: Release) -> None:
    """Make a release that was opened, and so checked, the one that serves from the next start on."""
    draft = releases_dir / f".{ACTIVE_FILE}.{secrets.token_hex(6)}"
    with draft.open("w", encoding="utf-8") as file:
        file.write(release.version + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(releases_dir / ACTIVE_FILE)
    sync_folder(releases_dir)


def find_release(releases_dir: Path, version: str, *, key: bytes | None = None) -> Release:
    """The release of that version, checked.

    Raises:
        ReleaseError: there is none, or it is not whole.
    """
    folder = releases_dir / check_version(version)
    if not folder.is_dir():
        known = ", ".join(repr(listed.version) for listed in list_releases(releases_dir, key=key)) or "none"
        raise ReleaseError(f"there is no release {version!r}", where=str(releases_dir), fix=f"known: {known}")
    return open_release(folder, key=key)


def active_version(releases_dir: Path) -> str | None:
    """The version that serves, or None before the first activation.

    Raises:
        ReleaseError: what stands there is no name of a release.
    """
    try:
        return check_version((releases_dir / ACTIVE_FILE).read_text(encoding="utf-8").strip())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise ReleaseError(
            "the name of the active release is no text",
            where=str(releases_dir / ACTIVE_FILE),
            fix="activate a release with 'shortlist releases activate VERSION'",
        ) from None


def active_release(releases_dir: Path, *, key: bytes | None = None) -> Release:
    """The release that serves, checked.

    Raises:
        ReleaseError: none is active, or the active one is not whole.
    """
    version = active_version(releases_dir)
    if version is None:
        raise ReleaseError(
            "no release is active",
            where=str(releases_dir),
            fix="train one with 'shortlist train', or activate one with 'shortlist releases activate VERSION'",
        )
    return find_release(releases_dir, version, key=key)


def list_releases(releases_dir: Path, *, key: bytes | None = None) -> tuple[Listed, ...]:
    """Every release, oldest first; signatures are checked, the other files are not."""
    if not releases_dir.is_dir():
        return ()
    active = active_version(releases_dir)
    listed = []
    for folder in sorted(path for path in releases_dir.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            listed.append(Listed(folder.name, folder.name == active, read_manifest(folder, key=key)))
        except ReleaseError as error:
            listed.append(Listed(folder.name, folder.name == active, None, str(error)))
    return tuple(sorted(listed, key=lambda one: (one.manifest.created_us if one.manifest else 0, one.version)))
