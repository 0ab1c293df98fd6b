"""Writing a release: into a hidden folder first, then checksums, manifest, fsync and one rename."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from shortlist.core.clock import Clock, SystemClock
from shortlist.core.errors import ReleaseError
from shortlist.releases.key import make_key
from shortlist.releases.manifest import FORMAT, Manifest, ReleaseFacts, check_version
from shortlist.releases.release import MANIFEST_FILE, SIGNATURE_FILE, Release, fact_of, open_release, sign

__all__ = ["ReleaseWriter", "sync_folder"]


class ReleaseWriter:
    """A release in the making. Until ``finish`` returns, nobody can see it; if it never does, nothing stays behind.

    Args:
        releases_dir: ``<state>/releases``; made if it is not there.
        version: the release's name.
        key: signs the manifest; without one, the installation's (``<state>/secret.key``, made on first use).

    Attributes:
        folder: write the artefacts here.

    Example:
        >>> import tempfile
        >>> releases_dir = Path(tempfile.mkdtemp()) / "releases"
        >>> with ReleaseWriter(releases_dir, "r1") as writer:
        ...     _ = (writer.folder / "weights.npy").write_bytes(b"...")
        ...     release = writer.finish(ReleaseFacts(dataset="tiny", licence="none", policy="greedy"))
        >>> release.version, sorted(release.manifest.files)
        ('r1', ['weights.npy'])
    """

    def __init__(
        self, releases_dir: Path, version: str, *, key: bytes | None = None, clock: Clock | None = None
    ) -> None:
        self._target = releases_dir / check_version(version)
        self._key = key
        self._clock = clock or SystemClock()
        self.folder = releases_dir / f".{version}.{secrets.token_hex(6)}"

    def __enter__(self) -> Self:
        self._refuse_to_replace()
        self.folder.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, facts: ReleaseFacts) -> Release:
        """Checksum and sign what was written, bring it to the disk and give it its name.

        Raises:
            ReleaseError: a release of that name exists.
        """
        self._refuse_to_replace()
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        manifest = Manifest(
            format=FORMAT,
            version=self._target.name,
            created_us=self._clock.now_us(),
            facts=facts,
            files={path.relative_to(self.folder).as_posix(): fact_of(path) for path in files},
        )
        key = make_key(self._target.resolve().parent.parent) if self._key is None else self._key
        raw = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (self.folder / MANIFEST_FILE).write_bytes(raw)
        (self.folder / SIGNATURE_FILE).write_bytes(sign(raw, key))
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                _sync_file(path)
            else:
                sync_folder(path)
        sync_folder(self.folder)
        try:
            self.folder.rename(self._target)
        except OSError:
            self._refuse_to_replace()
            raise
        sync_folder(self._target.parent)
        return open_release(self._target, key=key)

    def _refuse_to_replace(self) -> None:
        if self._target.exists():
            raise ReleaseError(
                f"there is a release {self._target.name!r} already",
                where=str(self._target),
                fix="give the new one another version",
            )


def sync_folder(path: Path) -> None:
    """Bring a folder's list of names to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
