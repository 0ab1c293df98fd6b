"""Opening a release: nothing of it is read before every byte has been checked against the signed manifest."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shortlist.core.errors import ReleaseError
from shortlist.releases.key import read_key
from shortlist.releases.manifest import FileFact, Manifest

__all__ = ["MANIFEST_FILE", "SIGNATURE_FILE", "Release", "fact_of", "open_release", "read_manifest", "sign"]

MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"


@dataclass(frozen=True, slots=True)
class Release:
    """A release whose files have been checked.

    Attributes:
        folder: where its files are.
        manifest: what it says about itself.
    """

    folder: Path
    manifest: Manifest

    @property
    def version(self) -> str:
        """Its name, as logs and answers show it."""
        return self.manifest.version


def open_release(folder: Path, *, key: bytes | None = None) -> Release:
    """A release, after its signature and the checksum of every file have been checked.

    Args:
        folder: ``<state>/releases/<version>``.
        key: the key it was signed with; without one, that of the installation the folder lies in
            (``<state>/secret.key``).

    Raises:
        ReleaseError: a file is missing, altered or too many (the message names it), the signature is not this
            installation's, or the manifest cannot be read.
    """
    manifest = read_manifest(folder, key=key)
    present = dict(_files_below(folder))
    for path, fact in sorted(manifest.files.items()):
        if path not in present:
            raise ReleaseError("a file is missing", where=str(folder / path), fix="restore the release, or train again")
        if fact_of(present.pop(path)) != fact:
            raise ReleaseError("the file was altered", where=str(folder / path), fix="restore the release")
    if present:
        extra = min(present)
        raise ReleaseError(
            "the manifest does not know this file", where=str(folder / extra), fix="take it out of the release's folder"
        )
    return Release(folder, manifest)


def read_manifest(folder: Path, *, key: bytes | None = None) -> Manifest:
    """The manifest, after its signature has been checked; the other files are not looked at.

    Raises:
        ReleaseError: it is missing, not signed by this installation, cannot be read, or names another version.
    """
    raw, signature = _read(folder / MANIFEST_FILE), _read(folder / SIGNATURE_FILE)
    secret = read_key(folder.resolve().parent.parent) if key is None else key
    if not hmac.compare_digest(sign(raw, secret), signature.strip()):
        raise ReleaseError(
            "the signature is not this installation's",
            where=str(folder / SIGNATURE_FILE),
            fix="restore the manifest, or open the release with the key that it was signed with",
        )
    manifest = Manifest.decode(raw, str(folder / MANIFEST_FILE))
    if manifest.version != folder.name:
        raise ReleaseError(
            f"the manifest is that of {manifest.version!r}", where=str(folder), fix="rename the folder back"
        )
    return manifest


def sign(manifest: bytes, key: bytes) -> bytes:
    """The signature of a manifest's bytes: HMAC-SHA256 in hex."""
    return hmac.new(key, b"shortlist release\0" + manifest, hashlib.sha256).hexdigest().encode()


def fact_of(path: Path) -> FileFact:
    """Checksum and length of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileFact(sha256=digest, bytes=file.tell())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ReleaseError("a file is missing", where=str(path), fix="restore the release, or train again") from None


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file but the manifest and its signature, by its path from the folder; a link is refused."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ReleaseError("a release holds plain files only", where=str(path), fix="put the file itself there")
        if path.is_file() and name not in {MANIFEST_FILE, SIGNATURE_FILE}:
            yield name, path
