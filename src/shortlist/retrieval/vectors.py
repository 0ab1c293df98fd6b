"""The items' vectors of a release, for whoever compares items: the re-ranker's diversity."""

from __future__ import annotations

from pathlib import Path

from shortlist.core.arrays import Float32
from shortlist.features.catalogue import Catalogue
from shortlist.retrieval.arrays_file import read_arrays
from shortlist.retrieval.query_tower import QueryTowerSource
from shortlist.retrieval.two_tower import TwoTowerSource

__all__ = ["load_item_vectors"]


def load_item_vectors(retrieval: Path, catalogue: Catalogue) -> Float32:
    """float32 ``(V + 1, d)`` of length 1, row 0 zeros: the two-tower model's, for a catalogue without users the text's.

    Args:
        retrieval: the folder of the release's sources.
        catalogue: the release's items.

    Raises:
        ReleaseError: the file does not belong to this catalogue.
    """
    two_tower = retrieval / TwoTowerSource.name
    folder = two_tower if two_tower.is_dir() else retrieval / QueryTowerSource.name
    (vectors,) = read_arrays(folder, "item_vectors", rows={"item_vectors": len(catalogue)})
    return vectors
