"""Places and numbers that cannot be: one line on standard error, exit status 2, and no trace."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from shortlist.cli.main import main


@pytest.fixture
def refused(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["shortlist", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    return run


def test_a_folder_where_a_file_should_be(refused, tmp_path):
    assert str(tmp_path) in refused("serve", "--settings", tmp_path)


def test_a_file_where_the_state_should_be(refused, tmp_path):
    state = tmp_path / "state"
    state.touch()
    said = refused("simulate", "--state", state)
    assert said.startswith("error: ")
    assert str(state) in said
    assert said.count("\n") == 1


def test_a_place_that_is_not_there(refused, tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32))
    plot = tmp_path / "nowhere" / "x.svg"
    assert str(plot) in refused("index", "tune", "--vectors", tmp_path / "v.npy", "--plot", plot)


def test_an_active_release_whose_name_is_no_text(refused, tmp_path):
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "ACTIVE").write_bytes(b"\xff")
    said = refused("releases", "list", "--state", tmp_path)
    assert "ACTIVE" in said
    assert "activate" in said


def test_an_empty_host_is_not_every_address(refused, tmp_path):
    assert "the host is empty" in refused("serve", "--host", "", "--state", tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--seed", -1),
        ("lessons", "prepare", "--seed", -1),
        ("models", "--seed", 10**24),
        ("items", "remove", 10**24),
    ],
)
def test_numbers_beyond_64_bits_or_below_0(refused, arguments):
    assert "Invalid value for" in refused(*arguments)
