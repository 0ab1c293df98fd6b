"""Every index passes one suite, beside its brute-force twin."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import DataError, ReleaseError
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.retrieval.index.hnsw import HnswIndex
from shortlist.retrieval.index.ivf_flat import IvfFlatIndex
from shortlist.retrieval.index.ivf_pq import IvfPqIndex
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.load import BACKENDS, load_index
from shortlist.retrieval.index.metric import Metric
from shortlist.retrieval.index.reduction import ReducedHnswIndex
from shortlist.retrieval.index.scann_index import ScannIndex, scann_installed
from shortlist.retrieval.index.vector_index import NO_ID

N, WIDTH, K = 1_500, 12, 10
MAKERS = {
    "exact": ExactIndex,
    "hnsw": partial(HnswIndex, degree=16, build_breadth=80, effort=120),
    "hnsw-reduced": partial(ReducedHnswIndex, degree=16, build_breadth=80, effort=400),
    "ivf-flat": partial(IvfFlatIndex, cells=24, effort=16),
    "ivf-sq8": partial(IvfSq8Index, cells=24, effort=16),
    "ivf-pq": partial(IvfPqIndex, cells=24, effort=24),
    "scann": partial(ScannIndex, cells=24, reorder=400, effort=20),
}
LEAST_RECALL = {"ivf-pq": 0.6, "hnsw-reduced": 0.8}
SCORE_ERROR = {"ivf-sq8": 0.2, "ivf-pq": 4.0}
"""Of quantised scores, on vectors of length about 3.5 (their inner products reach 20)."""


def pairs():
    for kind in MAKERS:
        for metric in Metric:
            if kind == "hnsw-reduced" and metric is not Metric.DOT:
                continue
            skip = [pytest.mark.skip("ScaNN is not installed")] if kind == "scann" and not scann_installed() else []
            yield pytest.param(kind, metric, id=f"{kind}-{metric}", marks=skip)


every = pytest.mark.parametrize(("kind", "metric"), list(pairs()))
every_kind = pytest.mark.parametrize(
    ("kind", "metric"), [p for p in pairs() if p.values[1] is Metric.DOT]
)  # what no metric changes


def make(kind, metric=Metric.DOT):
    return MAKERS[kind](metric)


def world(n=N, seed=0, width=WIDTH):
    return np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)


def twin(metric, vectors, queries):
    """Scores of all pairs, float64 ``(R, V)``, as the metric's definition says."""
    x, q = vectors.astype(np.float64), queries.astype(np.float64)
    if metric is Metric.L2:
        return -np.square(q[:, None, :] - x[None, :, :]).sum(axis=2)
    product = q @ x.T
    if metric is Metric.DOT:
        return product
    length = np.linalg.norm(q, axis=1)[:, None] * np.linalg.norm(x, axis=1)[None, :]
    return np.divide(product, length, out=np.zeros_like(product), where=length > 0)


def recall(found, scores, k, among=None):
    """The share of the true best that was found; ``among`` narrows what may be found."""
    if among is not None:
        scores = np.where(among, scores, -np.inf)
    best = np.argsort(-scores, axis=1)[:, :k]
    return np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, best, strict=True)])


def agrees(kind, metric, found, vectors, queries, *, of=None):
    """The answer is sorted, distinct, and its scores are those of the ids, as exactly as the backend keeps them."""
    truth = twin(metric, vectors, queries)
    kept = found.ids >= 0
    assert (found.scores[:, 1:] <= found.scores[:, :-1]).all()
    for ids in found.ids:
        assert len(set(ids[ids >= 0])) == np.count_nonzero(ids >= 0)
    value = np.take_along_axis(truth, np.maximum(found.ids, 0), axis=1)
    error = np.abs(found.scores - value)[kept]
    if kind in SCORE_ERROR:  # all but a few, whose coordinates lie outside of the ranges that were learnt
        assert np.quantile(error, 0.98) <= SCORE_ERROR[kind] * (4 if metric is Metric.L2 else 1)
    else:
        assert error.max(initial=0) <= 1e-3
    assert (found.scores[~kept] == -np.inf).all()
    assert recall(found.ids, truth, found.ids.shape[1], of) >= LEAST_RECALL.get(kind, 0.95)


def test_the_suite_knows_every_backend():
    assert {backend.kind for backend in BACKENDS} == set(MAKERS)


@every
def test_it_finds_what_brute_force_finds(kind, metric):
    vectors, queries = world(), world(60, 1)
    agrees(kind, metric, make(kind, metric).build(vectors).search(queries, K), vectors, queries)


@every
def test_lengths_that_differ_much(kind, metric):
    """Lognormal lengths and a zero vector: where dot, cosine and distance part."""
    vectors = world() * np.random.default_rng(5).lognormal(0, 0.5, (N, 1)).astype(np.float32)
    vectors[7] = 0
    queries = world(60, 1)
    found = make(kind, metric).build(vectors).search(queries, K)
    truth = twin(metric, vectors, queries)
    assert recall(found.ids, truth, K) >= min(LEAST_RECALL.get(kind, 0.95), 0.9)
    assert np.isfinite(found.scores).all()


@every
def test_a_batch_equals_its_queries_one_by_one(kind, metric):
    index, queries = make(kind, metric).build(world()), world(5, 2)
    whole = index.search(queries, K)
    for r, query in enumerate(queries):
        one = index.search(query[None], K)
        assert np.allclose(one.scores[0], whole.scores[r], atol=1e-4)
        assert len(np.intersect1d(one.ids[0], whole.ids[r])) >= K - 1


@every
def test_added_vectors_are_found_and_removed_ones_are_not(kind, metric):
    vectors, queries = world(), world(60, 1)
    if kind not in SCORE_ERROR:
        vectors[1_000:] *= 1.5  # some are longer than all before: out of the range that quantisers have learnt
    index = make(kind, metric).build(vectors[:1_000])
    index.add(vectors[1_000:], np.arange(1_000, N))
    assert len(index) == N
    agrees(kind, metric, index.search(queries, K), vectors, queries)
    gone = np.arange(0, N, 3)
    index.remove(gone)
    assert len(index) == N - len(gone)
    left = np.ones(N, dtype=bool)
    left[gone] = False
    found = index.search(queries, K)
    assert left[found.ids].all()
    agrees(kind, metric, found, vectors, queries, of=left)
    index.add(vectors[gone], gone)
    agrees(kind, metric, index.search(queries, K), vectors, queries)


@every
@pytest.mark.parametrize("share", [0.7, 0.2, 0.01])
def test_a_filter_narrows_what_is_found(kind, metric, share):
    vectors, queries = world(), world(40, 1)
    allowed = np.random.default_rng(3).random(N) < share
    found = make(kind, metric).build(vectors).search(queries, K, allowed=allowed)
    assert allowed[found.ids[found.ids >= 0]].all()
    assert (np.count_nonzero(found.ids >= 0, axis=1) == min(K, np.count_nonzero(allowed))).all()
    agrees(kind, metric, found, vectors, queries, of=allowed)


@every_kind
def test_filters_combine_and_ids_beyond_them_may_not_be_found(kind, metric):
    index = make(kind, metric).build(world())
    category, stock = np.arange(N) % 2 == 0, np.arange(100) < 50
    found = index.search(world(3, 1), K, allowed=category[:100] & stock)
    assert (found.ids < 50).all()
    assert (found.ids % 2 == 0).all()
    assert (index.search(world(3, 1), K, allowed=np.zeros(N, dtype=bool)).ids == NO_ID).all()


@every_kind
def test_ids_are_the_users_own(kind, metric):
    vectors = world()
    ids = np.random.default_rng(9).permutation(np.arange(5_000, 5_000 + N))
    index = make(kind, metric).build(vectors, ids)
    best = ids[make("exact", metric).build(vectors).search(world(5, 1), K).ids]
    found = index.search(world(5, 1), K).ids
    shared = [len(np.intersect1d(a, b)) / K for a, b in zip(found, best, strict=True)]
    assert np.mean(shared) > 0.5  # ids in any other order would share K / N; two builds of ScaNN need not be equal
    assert index.ids.tolist() == ids.tolist()


@every
@pytest.mark.parametrize("mmap", [False, True])
def test_a_saved_index_answers_the_same(kind, metric, mmap, tmp_path):
    queries, allowed = world(20, 1), np.arange(N) % 3 > 0
    index = make(kind, metric).build(world())
    index.remove(np.arange(0, 100))
    index.save(tmp_path / "index")
    again = load_index(tmp_path / "index", mmap=mmap)
    assert (again.kind, again.metric, again.width, len(again), again.effort, dict(again.knobs)) == (
        kind, metric, WIDTH, N - 100, index.effort, dict(index.knobs))  # fmt: skip
    for chosen in (None, allowed):
        before, after = index.search(queries, K, allowed=chosen), again.search(queries, K, allowed=chosen)
        assert after.ids.tolist() == before.ids.tolist()
        assert np.allclose(after.scores, before.scores, atol=1e-5)
    assert {path.suffix for path in (tmp_path / "index").rglob("*") if path.is_file()} <= {
        ".json", ".npy", ".faiss", ".pb", ".pbtxt"}  # fmt: skip
    if mmap:
        with pytest.raises(DataError, match="mapped file"):
            again.add(world(1, 4), [N])
        with pytest.raises(DataError, match="mapped file"):
            again.remove([200])
    else:
        again.add(world(1, 4) * 9, [N])
        again.remove([N])
        assert len(again) == N - 100


@every
def test_an_empty_index_finds_nothing_and_learns_from_what_comes(kind, metric, tmp_path):
    index = make(kind, metric).build(np.empty((0, WIDTH), dtype=np.float32))
    found = index.search(world(2, 1), 3)
    assert len(index) == 0
    assert (found.ids == NO_ID).all()
    assert (found.scores == -np.inf).all()
    index.save(tmp_path)
    index = load_index(tmp_path)
    assert (index.search(world(2, 1), 3).ids == NO_ID).all()
    index.add(world(40), np.arange(40))
    assert len(index) == 40
    assert np.isin(index.search(world(2, 1), 3).ids, np.arange(40)).all()
    index.remove(np.arange(40))
    assert (index.search(world(2, 1), 3).ids == NO_ID).all()


@every
def test_more_than_there_is_leaves_places_free(kind, metric):
    found = make(kind, metric).build(world(5)).search(world(2, 1), 8)
    assert found.ids.shape == found.scores.shape == (2, 8)
    assert np.sort(found.ids[:, :5], axis=1).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert (found.ids[:, 5:] == NO_ID).all()
    assert (found.scores[:, 5:] == -np.inf).all()


@every_kind
def test_everything_can_be_asked_for(kind, metric):
    found = make(kind, metric).build(world()).search(world(2, 1), N)
    assert np.sort(found.ids, axis=1).tolist() == [list(range(N))] * 2


@every_kind
def test_no_queries_no_answers(kind, metric):
    found = make(kind, metric).build(world(50)).search(np.empty((0, WIDTH)), 4)
    assert found.ids.shape == (0, 4)


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_cannot_be_compared_are_refused(kind, metric, bad):
    vectors = world(50).astype(np.float64)
    vectors[31, 2] = bad
    index = make(kind, metric)
    with pytest.raises(DataError, match=r"row 31 of the vectors .* NaN, infinity"):
        index.build(vectors)
    index.build(world(50))
    with pytest.raises(DataError, match="row 31"):
        index.add(vectors, np.arange(50, 100))
    with pytest.raises(DataError, match="row 31 of the queries"):
        index.search(vectors, 3)
    assert len(index) == 50


@every_kind
def test_another_dimension_is_refused(kind, metric):
    index = make(kind, metric).build(world(50))
    for wrong in (world(2, width=WIDTH + 1), world(2)[0], np.array([["a"] * WIDTH])):
        with pytest.raises(DataError, match=r"dimension|shape"):
            index.search(wrong, 3)
        with pytest.raises(DataError, match=r"dimension|shape"):
            index.add(wrong, np.arange(50, 50 + len(wrong)))


@every_kind
def test_ids_that_name_nothing_or_two_things_are_refused(kind, metric):
    index = make(kind, metric).build(world(50))
    with pytest.raises(DataError, match="in the index already"):
        index.add(world(2, 4), [49, 50])
    with pytest.raises(DataError, match="stands twice"):
        index.add(world(2, 4), [50, 50])
    with pytest.raises(DataError, match="negative"):
        index.add(world(1, 4), [-1])
    with pytest.raises(DataError, match="2 vectors and 1 ids"):
        index.add(world(2, 4), [50])
    with pytest.raises(DataError, match="id 77 is not"):
        index.remove([3, 77])
    with pytest.raises(DataError, match="k is 0"):
        index.search(world(1, 4), 0)
    with pytest.raises(DataError, match="filter"):
        index.search(world(1, 4), 1, allowed=np.arange(50))
    assert len(index) == 50


@every_kind
def test_searching_before_building_is_refused(kind, metric):
    with pytest.raises(DataError, match="not built"):
        make(kind, metric).search(world(1), 1)


@every_kind
def test_torn_files_are_refused(kind, metric, tmp_path):
    make(kind, metric).build(world(50)).save(tmp_path)
    (tmp_path / "ids.npy").write_bytes(b"torn")
    with pytest.raises(ReleaseError, match="cannot be read"):
        load_index(tmp_path)
    np.save(tmp_path / "ids.npy", np.arange(49))
    with pytest.raises(ReleaseError, match="differ"):
        load_index(tmp_path)
    np.save(tmp_path / "ids.npy", np.arange(50))
    for path in (tmp_path / "index.faiss", tmp_path / "scann" / "scann_assets.pbtxt"):
        if path.exists():
            path.write_bytes(b"torn")
    with pytest.raises(ReleaseError, match="cannot be read"):
        load_index(tmp_path)


def test_a_card_of_no_index_is_refused(tmp_path):
    ExactIndex().build(world(5)).save(tmp_path)
    card = (tmp_path / "index.json").read_text()
    for wrong in (card.replace('"exact"', '"magic"'), card.replace('"knobs": {}', '"knobs": {"wings": 2}')):
        (tmp_path / "index.json").write_text(wrong)
        with pytest.raises(ReleaseError, match="does not describe"):
            load_index(tmp_path)


@every_kind
def test_a_new_build_replaces_the_old(kind, metric):
    index = make(kind, metric).build(world(50)).build(world(20, 3, width=4))
    assert (len(index), index.width) == (20, 4)
    assert np.sort(index.search(world(1, 2, width=4), 20).ids[0]).tolist() == list(range(20))


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "search"]), st.integers(0, 29), st.integers(1, 12)), max_size=8
)


@every_kind
@pytest.mark.property
@given(steps=STEPS)
@settings(max_examples=12, derandomize=True)
def test_any_history_of_changes_leaves_what_a_plain_set_leaves(kind, metric, steps):
    vectors = world(30, 6, width=4)
    index, held = make(kind, metric).build(vectors[:10]), set(range(10))
    for what, first, count in steps:
        ids = np.arange(first, min(first + count, 30))
        if what == "add":
            new = [i for i in ids if i not in held]
            index.add(vectors[new].reshape(-1, 4), np.array(new, dtype=np.int64))
            held |= set(new)
        elif what == "remove":
            old = [i for i in ids if i in held]
            index.remove(np.array(old, dtype=np.int64))
            held -= set(old)
        else:
            found = index.search(vectors[:2], count).ids
            assert (np.count_nonzero(found >= 0, axis=1) == min(count, len(held))).all()
        found = index.search(vectors[:1], 40).ids[0]
        assert sorted(found[found >= 0].tolist()) == sorted(held) == sorted(index.ids.tolist())
