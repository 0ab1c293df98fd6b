"""A fitted component's arrays in one safetensors file, checked against the catalogue when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shortlist.core.arrays import Array
from shortlist.core.errors import ReleaseError

__all__ = ["read_arrays", "write_arrays"]

_FILE = "arrays.safetensors"


def write_arrays(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write ``arrays.safetensors`` into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: array.copy(order="C") for name, array in arrays.items()}, folder / _FILE)


def read_arrays(folder: Path, *names: str, rows: Mapping[str, int] | None = None) -> tuple[Array, ...]:
    """The named arrays of a folder.

    Args:
        folder: where ``write_arrays`` wrote.
        names: in the order in which they are returned.
        rows: the length that an array must have.

    Raises:
        ReleaseError: the file is missing or torn, or an array is missing or of another length.
    """
    path = folder / _FILE
    try:
        held = load_file(path)
    except (OSError, SafetensorError):
        raise ReleaseError("the arrays cannot be read", where=str(path), fix="train a new release") from None
    for name in names:
        wanted = (rows or {}).get(name)
        if name not in held or (wanted is not None and len(held[name]) != wanted):
            raise ReleaseError(
                f"array {name!r} is missing or does not have {wanted} rows",
                where=str(path),
                fix="a release's files belong together; train a new one",
            )
    return tuple(held[name] for name in names)
