"""A key, once assigned, stays."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import DataError
from shortlist.datasets.keys import Keys

IDS = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=12)


@pytest.mark.property
@settings(derandomize=True, max_examples=60)
@given(st.lists(IDS, min_size=1, max_size=4))
def test_no_key_ever_changes_or_is_given_twice(tmp_path_factory, batches):
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    seen: dict[str, int] = {}
    for ids in batches:
        keys = Keys(file)
        given_now = dict(zip(ids, keys.of("items", pl.Series(ids)).to_list(), strict=True))
        keys.save()
        for external, key in given_now.items():
            assert seen.setdefault(external, key) == key
    assert sorted(seen.values()) == list(range(1, len(seen) + 1))


def test_whole_numbers_are_their_own_keys_and_items_and_users_are_apart(tmp_path):
    keys = Keys(tmp_path / "keys.json")
    assert keys.of("items", pl.Series(["70", "0"])).to_list() == [70, 0]
    assert keys.of("users", pl.Series(["ann"])).to_list() == [1]


@pytest.mark.parametrize("other", ["A7", "07", "9" * 19])
def test_numbers_and_text_are_not_mixed(tmp_path, other):
    keys = Keys(tmp_path / "keys.json")
    keys.of("items", pl.Series(["70"]))
    keys.save()
    with pytest.raises(DataError, match=rf"'{other}' is no whole number"):
        Keys(tmp_path / "keys.json").of("items", pl.Series(["70", other]))


def test_ids_that_look_like_numbers_stay_text_where_text_was_first(tmp_path):
    keys = Keys(tmp_path / "keys.json")
    assert keys.of("items", pl.Series(["A7", "70"])).to_list() == [1, 2]
    assert keys.of("items", pl.Series(["71", "70"])).to_list() == [3, 2]


def test_a_broken_file_of_keys_is_not_overwritten(tmp_path):
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(DataError, match="bring it back from a copy"):
        Keys(tmp_path / "keys.json")
    assert (tmp_path / "keys.json").read_text() == "{"


def test_keys_that_cannot_be_kept_are_refused_but_numbers_need_no_keeping(tmp_path):
    nowhere = tmp_path / "gone" / "keys.json"
    keys = Keys(nowhere)
    keys.of("items", pl.Series(["1", "2"]))
    keys.save()
    assert not nowhere.exists()
    keys.of("users", pl.Series(["ann"]))
    with pytest.raises(DataError, match="make the folder writable"):
        keys.save()


def test_nothing_new_writes_nothing(tmp_path):
    file = tmp_path / "keys.json"
    keys = Keys(file)
    keys.of("items", pl.Series(["a"]))
    keys.save()
    before = file.stat().st_mtime_ns
    again = Keys(file)
    again.of("items", pl.Series(["a"]))
    again.save()
    assert file.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]
