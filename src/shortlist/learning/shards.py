"""Rows on disk: shards of mapped arrays, gathered in a shuffled order that needs no more memory than some shards do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Int64
from shortlist.core.errors import DataError

__all__ = ["Shards", "write_shards"]

_FILE = "shards.json"


class _Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``shards.json``: the columns, and the rows and the checksum of each shard."""

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    sha256: tuple[str, ...]


def write_shards(folder: Path, parts: Iterable[Mapping[str, Array]], *, rows: int = 1_000_000) -> Shards:
    """Write columns, a ``.npy`` file a shard and column, the list of them last; at most one shard is held in memory.

    Args:
        folder: made where it is missing.
        parts: tables that arrive one after the other, such as days; each has the same columns, ``(n, ...)``.
        rows: of a shard, at most.

    Raises:
        DataError: the columns differ from part to part or in length, or there is no row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names: tuple[str, ...] = ()
    lengths: list[int] = []
    sums: list[str] = []
    held: list[Mapping[str, Array]] = []
    waiting = 0

    def flush(n: int) -> None:
        nonlocal held, waiting
        whole = held[0] if len(held) == 1 else {name: np.concatenate([part[name] for part in held]) for name in names}
        digest = hashlib.sha256()
        for name, column in whole.items():
            first = np.ascontiguousarray(column[:n])
            np.save(_path(folder, len(lengths), name), first, allow_pickle=False)
            digest.update(first.data)
        lengths.append(n)
        sums.append(digest.hexdigest())
        held = [{name: column[n:] for name, column in whole.items()}]
        waiting -= n

    for part in parts:
        names = names or tuple(part)
        n = _checked(part, names, folder)
        held.append(part)
        waiting += n
        while waiting >= rows:
            flush(rows)
    if waiting:
        flush(waiting)
    if not lengths:
        raise DataError("there is no row to write", where=str(folder), fix="check the table")
    contents = _Contents(columns=names, rows=tuple(lengths), sha256=tuple(sums))
    (folder / _FILE).write_bytes(msgspec.json.encode(contents))
    return Shards(folder)


class Shards:
    """Shards that ``write_shards`` wrote, mapped: what a batch does not touch is not read.

    Args:
        folder: of the files.

    Raises:
        DataError: a file is missing, torn or of another length than was written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._contents = msgspec.json.decode((folder / _FILE).read_bytes(), type=_Contents)
            self._columns = {
                name: [
                    np.load(_path(folder, k, name), mmap_mode="r", allow_pickle=False)
                    for k in range(len(self._contents.rows))
                ]
                for name in self._contents.columns
            }
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise DataError(f"the shards cannot be read: {error}", where=str(folder), fix="write them again") from None
        for name, arrays in self._columns.items():
            if tuple(map(len, arrays)) != self._contents.rows:
                raise DataError(
                    f"column {name!r} has other lengths than were written", where=str(folder), fix="write them again"
                )
        self._first: Int64 = np.concatenate([[0], np.cumsum(self._contents.rows)])

    def __len__(self) -> int:
        return int(self._first[-1])

    def fingerprint(self) -> str:
        """Of all that was written."""
        return hashlib.sha256("".join((*self._contents.columns, *self._contents.sha256)).encode()).hexdigest()

    def batches(self, size: int, *, seed: int, epoch: int, first: int = 0, together: int = 8) -> Iterator[Int64]:
        """Row numbers of each batch of a pass; each row is in exactly one.

        The shards are taken in a shuffled order, ``together`` at a time, and the rows of those are shuffled among each
        other. Where there are no more shards than that, it is a uniform shuffle of all rows. The order depends on
        seed and pass alone.

        Args:
            size: rows a batch; the last one may be smaller.
            seed: of the order.
            epoch: which pass.
            first: batches to leave out, for a run that is taken up again.
            together: shards whose rows are shuffled among each other: what has to fit the page cache.
        """
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(self._contents.rows))
        rest: Int64 = np.empty(0, dtype=np.int64)
        done = 0
        for start in range(0, len(order), together):
            group = order[start : start + together]
            rows = np.concatenate([np.arange(self._first[k], self._first[k + 1]) for k in group])
            rest = np.concatenate([rest, rng.permutation(rows)])
            last = start + together >= len(order)
            ends = range(size, len(rest) + (size if last else 1), size)
            for end in ends:
                if done >= first and len(rest[end - size : end]):
                    yield rest[end - size : end]
                done += 1
            rest = rest[len(ends) * size :]

    def gather(self, chosen: Int64) -> dict[str, Array]:
        """The columns of chosen rows, in their order."""
        shard = np.searchsorted(self._first, chosen, side="right") - 1
        found: dict[str, Array] = {}
        for name, arrays in self._columns.items():
            if len(arrays) == 1:
                found[name] = arrays[0][chosen]
                continue
            out = np.empty((len(chosen), *arrays[0].shape[1:]), dtype=arrays[0].dtype)
            for k in np.unique(shard):
                own = shard == k
                out[own] = arrays[k][chosen[own] - self._first[k]]
            found[name] = out
        return found


def _checked(part: Mapping[str, Array], names: tuple[str, ...], folder: Path) -> int:
    if tuple(part) != names:
        raise DataError(f"a part has the columns {tuple(part)}, the first had {names}", where=str(folder), fix="agree")
    lengths = {len(column) for column in part.values()}
    if len(lengths) != 1:
        raise DataError(f"columns of {sorted(lengths)} rows in one part", where=str(folder), fix="give equal lengths")
    return lengths.pop()


def _path(folder: Path, shard: int, column: str) -> Path:
    return folder / f"{shard:05d}-{column}.npy"
