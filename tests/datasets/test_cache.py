"""What is kept comes back as it was; what was altered is refused."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.datasets.worlds import movielens_zip

from shortlist.core.errors import DataError
from shortlist.datasets.cache import cache_folder, load_dataset, save_dataset, shared_folder
from shortlist.datasets.movielens import read_zip

TABLES = ("items", "users", "interactions", "judgements")


@pytest.fixture
def dataset(tmp_path):
    return read_zip(movielens_zip(tmp_path / "ml-100k.zip"))


def test_a_data_set_comes_back(dataset, tmp_path):
    save_dataset(dataset, tmp_path / "cache" / "movielens")
    back = load_dataset(tmp_path / "cache" / "movielens")
    assert back is not None
    for table in TABLES:
        assert_frame_equal(getattr(back, table), getattr(dataset, table))
    assert (back.name, back.kind, back.licence) == (dataset.name, dataset.kind, dataset.licence)
    assert back.positive_means == dataset.positive_means
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["movielens"], "nothing half-written is left"


def test_a_newer_one_takes_the_place_of_an_older_one(dataset, tmp_path):
    folder = tmp_path / "movielens"
    save_dataset(dataset, folder)
    (folder / "stray").write_text("old")
    save_dataset(dataset, folder)
    assert load_dataset(folder) is not None
    assert not (folder / "stray").exists()


@pytest.mark.parametrize("table", TABLES)
def test_a_flipped_byte_is_found(dataset, tmp_path, table):
    folder = tmp_path / "movielens"
    save_dataset(dataset, folder)
    path = folder / f"{table}.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match=rf"{table}\.parquet .* checksum .*shortlist data get movielens"):
        load_dataset(folder)


def test_a_missing_table_and_a_broken_list_of_facts_are_found(dataset, tmp_path):
    folder = tmp_path / "movielens"
    save_dataset(dataset, folder)
    (folder / "users.parquet").unlink()
    with pytest.raises(DataError, match=r"users\.parquet is missing"):
        load_dataset(folder)
    (folder / "dataset.json").write_text('{"format": 1')
    with pytest.raises(DataError, match=r"dataset\.json"):
        load_dataset(folder)


def test_nothing_there_and_another_format_are_fetched_anew(dataset, tmp_path):
    assert load_dataset(tmp_path / "none") is None
    folder = tmp_path / "movielens"
    save_dataset(dataset, folder)
    facts = msgspec.json.decode((folder / "dataset.json").read_bytes())
    (folder / "dataset.json").write_bytes(msgspec.json.encode({**facts, "format": 999}))
    assert load_dataset(folder) is None


def test_folders_follow_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "shortlist"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "shortlist"
    monkeypatch.setenv("SHORTLIST_DATA", str(tmp_path))
    assert shared_folder("icecat") is None
    (tmp_path / "icecat").mkdir()
    assert shared_folder("icecat") == tmp_path / "icecat"
    monkeypatch.setenv("SHORTLIST_DATA", "")
    assert shared_folder("icecat") is None


def test_empty_tables_keep_their_columns(dataset, tmp_path):
    save_dataset(dataset, tmp_path / "m")
    back = load_dataset(tmp_path / "m")
    assert back is not None
    assert back.judgements.schema == pl.Schema({"query": pl.String, "item": pl.Int64, "grade": pl.Int32})
