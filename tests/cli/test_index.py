"""``shortlist index tune``: a table, a pick, a picture, a saved index; mistakes are one line."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner

from shortlist.cli.index import app
from shortlist.core.errors import DataError
from shortlist.retrieval.index.load import load_index


@pytest.fixture
def vectors(tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).standard_normal((1_200, 8)).astype(np.float32))
    return tmp_path / "v.npy"


def run(*arguments):
    return CliRunner().invoke(app, ["tune", *map(str, arguments)])


def test_it_prints_a_pick_draws_the_frontier_and_saves_the_index(vectors, tmp_path):
    np.save(tmp_path / "q.npy", np.random.default_rng(1).standard_normal((120, 8)))
    ran = run("--vectors", vectors, "--queries", tmp_path / "q.npy", "--recall", 0.9, "--k", 10,
              "--plot", tmp_path / "f.svg", "--save", tmp_path / "index", "--metric", "cosine")  # fmt: skip
    assert ran.exit_code == 0, ran.output
    said = " ".join(ran.output.split())
    assert "Take " in said
    assert "on 60 held-out queries" in said
    picture = ET.fromstring((tmp_path / "f.svg").read_text())
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    circles = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert len([c for c in circles if c.get("class") == "pick"]) == 1
    index = load_index(tmp_path / "index")
    assert (len(index), index.metric) == (1_200, "cosine")
    assert f"effort {index.effort}:" in said


def test_without_queries_it_draws_some_and_warns(vectors, tmp_path):
    ran = run("--vectors", vectors, "--k", 5, "--plot", tmp_path / "f.svg")
    assert ran.exit_code == 0, ran.output
    assert "No queries were given" in ran.output


def test_files_that_hold_no_vectors_are_refused(tmp_path):
    (tmp_path / "no.npy").write_text("hello")
    for path in (tmp_path / "absent.npy", tmp_path / "no.npy"):
        ran = run("--vectors", path)
        assert isinstance(ran.exception, DataError)
        assert "holds no array" in str(ran.exception)
    np.save(tmp_path / "flat.npy", np.zeros(9))
    assert "shape (9,)" in str(run("--vectors", tmp_path / "flat.npy").exception)
