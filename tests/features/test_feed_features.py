"""The ranker's features: by hand where they can be, and the same however a request is batched."""

import numpy as np
import pytest

from shortlist.core.arrays import Ragged
from shortlist.core.candidates import Candidates, merge
from shortlist.core.request import Request, RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeatureRows, FeedFeatures
from shortlist.features.statistics import ItemStatistics
from shortlist.features.transitions import Transitions
from shortlist.testing import tiny_interactions, tiny_items

CATALOGUE = Catalogue(tiny_items())
VECTORS = np.array([[0, 0], [1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)


def features(sources=("a", "b"), limit=3):
    log = tiny_interactions()
    return FeedFeatures(
        CATALOGUE,
        ItemStatistics.fit(log, CATALOGUE),
        Transitions.fit(log, CATALOGUE),
        VECTORS,
        sources=sources,
        limit=limit,
    )


def batch(*histories):
    requests = [Request(str(n), k=3, at_us=100, user=n) for n in range(len(histories))]
    liked = Ragged.from_lists([liked for liked, _ in histories])
    return RequestBatch.of(*requests).with_history(liked, Ragged.from_lists([seen for _, seen in histories]))


def candidates(offsets, a, b):
    one = Candidates.found("a", np.array(offsets[0]), np.array(a), np.linspace(1, 0.5, len(a)))
    two = Candidates.found("b", np.array(offsets[1]), np.array(b), np.linspace(9, 8, len(b)))
    return merge([one, two])


def column(rows, name, spec):
    return rows.candidate[:, [feature.name for feature in spec.candidate].index(name)]


def test_features_of_one_request_by_hand():
    f = features()
    rows = f.compute(batch(([10], [10, 11])), candidates(([0, 2], [0, 1]), [12, 13], [13]))
    assert rows.row.tolist() == [4, 3]  # 13 was found twice, so it comes first
    assert column(rows, "n_sources", f.spec).tolist() == [2, 1]
    assert column(rows, "a_rank", f.spec).tolist() == pytest.approx([np.log1p(1), 0.0])
    assert column(rows, "b_found", f.spec).tolist() == [1, 0]
    assert column(rows, "b_rank", f.spec)[1] == pytest.approx(np.log1p(3))
    assert column(rows, "b_score", f.spec).tolist() == [9, 0]
    assert column(rows, "near_liked", f.spec).tolist() == pytest.approx([-1, 0])
    assert column(rows, "near_last", f.spec).tolist() == pytest.approx([-0.6, 0.8])
    assert column(rows, "nearest_recent", f.spec).tolist() == pytest.approx([-0.6, 0.8])
    assert column(rows, "category_liked", f.spec).tolist() == [0, 0]
    assert rows.request[0, :3].tolist() == pytest.approx([np.log(2), np.log(3), 2 / 4])
    assert (rows.categories > 0).sum(axis=1).tolist() == [2, 1]


def test_shapes_are_those_of_the_spec():
    f = features()
    rows = f.compute(batch(([], []), ([10], [10])), candidates(([0, 1, 2], [0, 0, 1]), [12, 13], [11]))
    assert rows.request.shape == (2, len(f.spec.request))
    assert rows.candidate.shape == (3, len(f.spec.candidate))
    assert rows.categories.shape == (3, f.spec.multi_valued[0].length)
    assert rows.row.max() < f.spec.categorical[0].size
    assert rows.categories.max() < f.spec.multi_valued[0].size
    assert np.isfinite(rows.request).all()
    assert np.isfinite(rows.candidate).all()


def test_a_request_alone_and_in_a_batch_has_the_same_features():
    f = features()
    both = f.compute(batch(([10], [10, 11]), ([], [])), candidates(([0, 2, 3], [0, 1, 2]), [12, 13, 11], [13, 10]))
    first = f.compute(batch(([10], [10, 11])), candidates(([0, 2], [0, 1]), [12, 13], [13]))
    n = len(first.row)
    np.testing.assert_array_equal(both.row[:n], first.row)
    np.testing.assert_allclose(both.candidate[:n], _with_score(first.candidate, both.candidate[:n], f), rtol=1e-6)
    np.testing.assert_allclose(both.request[0], first.request[0], rtol=1e-6)


def _with_score(alone, together, f):
    """The sources' raw scores in this test come from one line over the whole batch; take them as they are."""
    names = [feature.name for feature in f.spec.candidate]
    out = alone.copy()
    for name in ("a_score", "b_score"):
        out[:, names.index(name)] = together[:, names.index(name)]
    return out


def test_a_source_that_was_late_counts_as_one_that_found_nothing():
    f = features()
    only = merge([Candidates.found("a", np.array([0, 2]), np.array([12, 13]), np.array([1.0, 0.5]))])
    rows = f.compute(batch(([10], [10])), only)
    assert column(rows, "b_found", f.spec).tolist() == [0, 0]
    assert column(rows, "b_rank", f.spec).tolist() == pytest.approx([np.log1p(3)] * 2)


def test_unknown_items_have_finite_features():
    f = features()
    rows = f.compute(batch(([999], [999])), candidates(([0, 1], [0, 1]), [12], [777]))
    assert sorted(rows.row.tolist()) == [0, 3]
    assert np.isfinite(rows.candidate).all()


def test_joined_batches_are_one():
    f = features()
    parts = [f.compute(batch(([10], [10])), candidates(([0, 1], [0, 1]), [12], [13])) for _ in range(2)]
    joined = FeatureRows.join(parts)
    assert joined.index.tolist() == [0, 0, 1, 1]
    assert joined.keep(joined.row == 3).index.tolist() == [0, 1]


def test_saves_and_loads(tmp_path):
    f = features()
    f.save(tmp_path)
    again = FeedFeatures.load(tmp_path, CATALOGUE, sources=f.sources, limit=f.limit)
    assert again.spec.hash == f.spec.hash
    request, found = batch(([10], [10, 11])), candidates(([0, 2], [0, 1]), [12, 13], [13])
    np.testing.assert_array_equal(again.compute(request, found).candidate, f.compute(request, found).candidate)


def test_the_hash_knows_the_sources_and_the_limit():
    hashes = {
        features().spec.hash,
        features(("a",)).spec.hash,
        features(("b", "a")).spec.hash,
        features(limit=4).spec.hash,
    }
    assert len(hashes) == 4
