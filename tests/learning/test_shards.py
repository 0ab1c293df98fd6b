"""Shards: each row once a pass, in an order of seed and pass; files that do not belong together are named."""

import numpy as np
import pytest

from shortlist.core.errors import DataError
from shortlist.learning.shards import Shards, write_shards


def days(*lengths):
    first = 0
    for n in lengths:
        x = np.arange(first, first + n)
        yield {"x": x.astype(np.int32), "y": np.stack([x, x * 2], axis=1).astype(np.float32)}
        first += n


@pytest.mark.parametrize("rows", [1, 7, 10, 1_000])
def test_what_was_written_is_gathered(tmp_path, rows):
    shards = write_shards(tmp_path, days(5, 0, 31, 14), rows=rows)
    assert len(shards) == 50
    chosen = np.array([49, 0, 13, 13, 36])
    found = shards.gather(chosen)
    assert found["x"].tolist() == chosen.tolist()
    assert found["y"].tolist() == [[k, 2 * k] for k in chosen]
    assert found["x"].dtype == np.int32


@pytest.mark.property
@pytest.mark.parametrize("rows", [3, 7, 100])
@pytest.mark.parametrize("size", [1, 4, 13, 200])
@pytest.mark.parametrize("together", [1, 2, 50])
def test_a_pass_visits_each_row_once(tmp_path, rows, size, together):
    shards = write_shards(tmp_path, days(61), rows=rows)
    batches = list(shards.batches(size, seed=3, epoch=1, together=together))
    assert sorted(np.concatenate(batches).tolist()) == list(range(61))
    assert [len(b) for b in batches] == [size] * (61 // size) + ([61 % size] if 61 % size else [])
    for first in (1, len(batches)):
        rest = list(shards.batches(size, seed=3, epoch=1, together=together, first=first))
        assert [b.tolist() for b in rest] == [b.tolist() for b in batches[first:]]


def test_the_order_is_shuffled_and_of_seed_and_pass_alone(tmp_path):
    shards = write_shards(tmp_path, days(4_000), rows=500)

    def order(**key):
        return np.concatenate(list(shards.batches(256, **key)))

    first = order(seed=0, epoch=0)
    assert (first == order(seed=0, epoch=0)).all()
    assert (first != order(seed=0, epoch=1)).mean() > 0.9
    assert (first != order(seed=1, epoch=0)).mean() > 0.9
    # Eight shards lie together, so a batch reaches over all of them.
    assert len(np.unique(first[:256] // 500)) == 8


def test_parts_that_disagree_are_refused(tmp_path):
    with pytest.raises(DataError, match="the first had"):
        write_shards(tmp_path, [{"x": np.zeros(3)}, {"z": np.zeros(3)}])
    with pytest.raises(DataError, match="columns of"):
        write_shards(tmp_path, [{"x": np.zeros(3), "y": np.zeros(2)}])
    with pytest.raises(DataError, match="no row"):
        write_shards(tmp_path, [])


@pytest.mark.parametrize("harm", ["missing", "torn", "other length"])
def test_files_that_are_missing_torn_or_exchanged_are_named(tmp_path, harm):
    write_shards(tmp_path, days(20), rows=10)
    path = tmp_path / "00001-x.npy"
    if harm == "missing":
        path.unlink()
    elif harm == "torn":
        path.write_bytes(path.read_bytes()[:130])
    else:
        np.save(path, np.zeros(9, np.int32))
    with pytest.raises(DataError, match=r"shards cannot be read|other lengths"):
        Shards(tmp_path)


def test_the_fingerprint_is_of_the_content(tmp_path):
    a = write_shards(tmp_path / "a", days(20), rows=10).fingerprint()
    assert a == write_shards(tmp_path / "b", days(20), rows=10).fingerprint()
    assert a != write_shards(tmp_path / "c", days(21), rows=10).fingerprint()
