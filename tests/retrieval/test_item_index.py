"""The index over a release's items."""

from __future__ import annotations

import numpy as np
import pytest

from shortlist.core.errors import ReleaseError
from shortlist.retrieval import item_index
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.item_index import build_item_index, load_item_index


def test_a_large_catalogue_is_searched_by_cells_and_finds_what_exact_search_finds(monkeypatch, tmp_path):
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((3_001, 16)).astype(np.float32)
    vectors *= rng.lognormal(0, 0.5, (3_001, 1)).astype(np.float32)
    queries = rng.standard_normal((50, 16)).astype(np.float32)
    exact = build_item_index(vectors)
    assert exact.kind == "exact"
    assert exact.ids.tolist() == list(range(1, 3_001))
    monkeypatch.setattr(item_index, "EXACT_BELOW", 1_000)
    build_item_index(vectors).save(tmp_path)
    loaded = load_item_index(tmp_path, 3_000)
    assert loaded.kind == "ivf-sq8"
    truth = exact.search(queries, 20).ids
    found = loaded.search(queries, 20)
    assert np.mean([len(np.intersect1d(a, b)) / 20 for a, b in zip(truth, found.ids, strict=True)]) > 0.93


def test_an_index_over_other_items_is_refused(tmp_path):
    ExactIndex().build(np.eye(3), np.arange(1, 4)).save(tmp_path)
    assert len(load_item_index(tmp_path, 3)) == 3
    with pytest.raises(ReleaseError, match="holds 3 items, the catalogue 4"):
        load_item_index(tmp_path, 4)
    (tmp_path / "index.faiss").write_bytes(b"torn")
    with pytest.raises(ReleaseError, match="cannot be read"):
        load_item_index(tmp_path, 3)
