"""Where a data set is looked for, in which order, and what is said when it is nowhere."""

from __future__ import annotations

import urllib.request

import pytest
from tests.datasets.worlds import icecat_folder, movielens_zip

from shortlist.core.errors import DatasetUnavailable
from shortlist.datasets.cache import save_dataset
from shortlist.datasets.known import KNOWN
from shortlist.datasets.load import fetch, load
from shortlist.datasets.movielens import read_zip


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No data folder, no network, no package index; an empty cache."""

    class NoRoute(urllib.request.HTTPSHandler):
        def https_open(self, request):
            raise OSError("no route to host")

    monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(NoRoute()))
    monkeypatch.setenv("SHORTLIST_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return tmp_path / "cache" / "shortlist"


@pytest.mark.parametrize("name", [known.name for known in KNOWN])
def test_nothing_cached_and_no_network_says_what_to_do(offline, name):
    with pytest.raises(DatasetUnavailable) as caught:
        load(name)
    assert f"$SHORTLIST_DATA/{name}/" in caught.value.fix
    assert caught.value.where.startswith("https://")
    assert not (offline / name).exists()


def test_the_cache_serves_without_a_network(offline, tmp_path):
    save_dataset(read_zip(movielens_zip(tmp_path / "ml-100k.zip")), offline / "movielens")
    assert load("movielens").items.height == 4
    assert load("movielens", cache=offline).items.height == 4


def test_the_data_folder_comes_before_the_cache(offline, monkeypatch, tmp_path):
    save_dataset(read_zip(movielens_zip(tmp_path / "ml-100k.zip")), offline / "icecat")
    icecat_folder(tmp_path / "data" / "icecat")
    assert load("icecat").name == "movielens", "what the cache holds is not looked into"
    monkeypatch.setenv("SHORTLIST_DATA", str(tmp_path / "data"))
    assert load("icecat").name == "icecat"
    (tmp_path / "data" / "movielens").mkdir()
    movielens_zip(tmp_path / "data" / "movielens" / "ml-100k.zip")
    assert load("movielens").items.height == 4


def test_fetching_falls_back_to_the_official_zip_only_if_it_is_the_one(offline, monkeypatch, tmp_path):
    """A zip of another checksum is not read, even if it holds the right files."""
    body = movielens_zip(tmp_path / "other.zip").read_bytes()

    class Impostor(urllib.request.HTTPSHandler):
        def https_open(self, request):
            import io
            from email.message import Message
            from urllib.response import addinfourl

            answer = addinfourl(io.BytesIO(body), Message(), request.full_url, 200)
            answer.msg = "OK"
            return answer

    monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(Impostor()))
    with pytest.raises(DatasetUnavailable, match="SHA-256"):
        fetch(KNOWN[0])


def test_a_folder_of_your_own(tmp_path, offline):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "items.csv").write_text("item,title\n1,Kettle\n")
    dataset = load(str(tmp_path / "shop"))
    assert (dataset.name, dataset.kind) == ("shop", "catalogue")


def test_an_unknown_name(offline):
    with pytest.raises(DatasetUnavailable, match="movielens, icecat, kuairand, or a folder"):
        load("movielense")
