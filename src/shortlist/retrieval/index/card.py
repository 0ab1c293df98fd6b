"""The card of a saved index: what it is, in JSON, with the ids in an array file beside it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Int64
from shortlist.core.errors import ReleaseError
from shortlist.retrieval.index.metric import Metric

__all__ = ["IndexCard", "read_card", "write_card"]

_CARD, _IDS = "index.json", "ids.npy"
_FIX = "the files of an index belong together; build it anew"


class IndexCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``index.json`` holds.

    Attributes:
        kind: the backend.
        metric: what near means.
        width: the dimension of the vectors.
        count: vectors that can be found.
        effort: of a search.
        knobs: of the build.
        version: of this format.
    """

    kind: str
    metric: Metric
    width: int
    count: int
    effort: int
    knobs: dict[str, int]
    version: int = 1


def write_card(folder: Path, card: IndexCard, ids: Int64) -> None:
    """Write ``index.json`` and ``ids.npy`` into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2))
    np.save(folder / _IDS, ids, allow_pickle=False)


def read_card(folder: Path, *, mmap: bool) -> tuple[IndexCard, Int64]:
    """The card and the id of each place, ``NO_ID`` where one was removed.

    Raises:
        ReleaseError: a file is missing, torn, of another version, or the two do not belong together.
    """
    try:
        card = msgspec.json.decode((folder / _CARD).read_bytes(), type=IndexCard)
        ids: Int64 = np.load(folder / _IDS, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError, msgspec.MsgspecError):
        raise ReleaseError("the vector index cannot be read", where=str(folder), fix=_FIX) from None
    if card.version != 1:
        raise ReleaseError(f"the index has format {card.version}, this version reads 1", where=str(folder), fix=_FIX)
    if ids.ndim != 1 or ids.dtype != np.int64 or np.count_nonzero(ids >= 0) != card.count:
        raise ReleaseError("the index and its ids differ", where=str(folder / _IDS), fix=_FIX)
    return card, ids
