"""The installation's key: 32 random bytes in ``<state>/secret.key``, readable by its owner only.

It signs releases here. The server derives its other secrets from it with ``derive_key``, so that one file is all there
is to guard and to carry along.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from shortlist.core.errors import ReleaseError

__all__ = ["KEY_BYTES", "KEY_FILE", "derive_key", "make_key", "read_key"]

KEY_FILE = "secret.key"
KEY_BYTES = 32


def make_key(state_dir: Path) -> bytes:
    """The installation's key; made on first use, with mode 0600.

    Raises:
        ReleaseError: the file is there but is not a key, or other users can read it.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / KEY_FILE
    if not path.exists():
        # Written whole under another name, then linked: two processes that start together end up with one key.
        draft = state_dir / f".{KEY_FILE}.{secrets.token_hex(8)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, secrets.token_bytes(KEY_BYTES))
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return read_key(state_dir)


def read_key(state_dir: Path) -> bytes:
    """The installation's key.

    Raises:
        ReleaseError: there is none, it is not a key, or other users can read it.
    """
    path = state_dir / KEY_FILE
    try:
        key = path.read_bytes()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ReleaseError(
            "the installation has no key",
            where=str(path),
            fix="open a release with the key that it was signed with, or train one here",
        ) from None
    if len(key) != KEY_BYTES:
        raise ReleaseError(f"the key has {len(key)} bytes, not {KEY_BYTES}", where=str(path), fix="restore the file")
    if mode & 0o077:
        raise ReleaseError("other users can read the key", where=str(path), fix=f"chmod 600 {path}")
    return key


def derive_key(key: bytes, purpose: str) -> bytes:
    """A key for one purpose: HMAC-SHA256(key, purpose). Knowing it tells nothing about the others.

    Example:
        >>> derive_key(b"k" * 32, "ad token") == derive_key(b"k" * 32, "admin")
        False
    """
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()
