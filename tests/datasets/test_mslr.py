"""Graded lists: the text, plain and packed, and what is refused."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from shortlist.core.errors import DataError, DatasetUnavailable
from shortlist.datasets.mslr import load_mslr, read_graded_lists

TEXT = b"2 qid:7 1:3 3:0.5\n0 qid:7 1:1 2:0 3:0\n4 qid:9 2:1.5\n"


@pytest.mark.parametrize("name", ["train.txt", "train.txt.gz"])
def test_reads_lists(name, tmp_path, monkeypatch):
    (tmp_path / "mslr").mkdir()
    (tmp_path / "mslr" / name).write_bytes(gzip.compress(TEXT) if name.endswith("gz") else TEXT)
    monkeypatch.setenv("SHORTLIST_DATA", str(tmp_path))
    lists = load_mslr()
    assert lists.grade.tolist() == [2, 0, 4]
    assert lists.query.tolist() == [7, 9]
    assert lists.offsets.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(lists.features, np.float32([[3, 0, 0.5], [1, 0, 0], [0, 1.5, 0]]))


def test_where_it_is_not_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SHORTLIST_DATA", str(tmp_path))
    with pytest.raises(DatasetUnavailable) as caught:
        load_mslr()
    assert "$SHORTLIST_DATA/mslr/" in caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"2 1:3\n",
        b"x qid:1 1:2\n",
        b"1 qid:1 1:2\n1 qid:2 1:2\n0 qid:1 1:2\n",
        b"1 qid:1 1:nan\n",
        b"-1 qid:1 1:2\n",
    ],
)
def test_other_text_is_refused(text, tmp_path):
    (tmp_path / "t.txt").write_bytes(text)
    with pytest.raises(DataError):
        read_graded_lists(tmp_path / "t.txt")
