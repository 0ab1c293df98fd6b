"""``shortlist data``: what it prints and what it keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.datasets.worlds import icecat_folder, movielens_zip
from typer.testing import CliRunner

from shortlist.cli.data import app
from shortlist.core.errors import DatasetUnavailable, NotFound
from shortlist.datasets.cache import load_dataset, save_dataset
from shortlist.datasets.known import MOVIELENS
from shortlist.datasets.movielens import read_zip


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("SHORTLIST_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, list(words))


def test_list_names_every_data_set_with_its_terms(run):
    text = run("list").output
    for word in ("movielens", "icecat", "kuairand", "no redistribution", "CC BY-SA 4.0", "45 MB"):
        assert word in text


def test_get_from_the_data_folder_states_the_terms(run, monkeypatch, tmp_path):
    icecat_folder(tmp_path / "icecat")
    monkeypatch.setenv("SHORTLIST_DATA", str(tmp_path))
    result = run("get", "icecat")
    assert result.exit_code == 0
    assert "2 items, 0 users, 0 interactions, 3 judgements" in result.output
    assert "Open Content License" in result.output


def test_get_of_what_is_cached_checks_it_and_shows_checksums(run, tmp_path):
    save_dataset(read_zip(movielens_zip(tmp_path / "ml-100k.zip")), tmp_path / "cache" / "movielens")
    result = run("get", "movielens", "--cache", str(tmp_path / "cache"))
    assert result.exit_code == 0
    assert "checksums hold" in result.output
    assert result.output.count("sha256") == 4
    assert "no redistribution" in result.output


def test_get_of_a_corrupt_copy_says_so_and_fetches_again(run, monkeypatch, tmp_path):
    folder = tmp_path / "cache" / "movielens"
    save_dataset(read_zip(movielens_zip(tmp_path / "ml-100k.zip")), folder)
    (folder / "items.parquet").write_bytes(b"x")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(
        "shortlist.datasets.movielens.MOVIELENS", replace(MOVIELENS, url="https://127.0.0.1:1/ml-100k.zip")
    )
    result = run("get", "movielens", "--cache", str(tmp_path / "cache"))
    assert "items.parquet does not have the checksum" in result.output
    assert isinstance(result.exception, DatasetUnavailable), "there is no network in this test"
    with pytest.raises(Exception, match="shortlist data get movielens"):
        load_dataset(folder)


def test_an_unknown_name(run):
    result = run("get", "netflix")
    assert isinstance(result.exception, NotFound)
    assert "movielens, icecat, kuairand" in str(result.exception)
