"""KuaiRand-Pure, from the official archive's CSV or from Parquet."""

from __future__ import annotations

import polars as pl
import pytest
from tests.datasets.worlds import kuairand_archive

from shortlist.core.errors import DataError
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.datasets.kuairand import read_kuairand, unpack
from shortlist.datasets.kuairand_impressions import OUTCOMES, impressions, midnight_us


@pytest.fixture
def folder(tmp_path):
    unpack(kuairand_archive(tmp_path / "KuaiRand-Pure.tar.gz"), tmp_path)
    return tmp_path


@pytest.fixture(params=["csv", "parquet"])
def dataset(request, folder):
    if request.param == "parquet":
        for path in folder.glob("*.csv"):
            pl.read_csv(path, schema_overrides={"tag": pl.String}).write_parquet(path.with_suffix(".parquet"))
            path.unlink()
    return read_kuairand(folder)


def test_impressions_are_those_of_the_standard_logs_by_time(dataset):
    assert dict(dataset.interactions.schema) == INTERACTIONS
    assert dataset.interactions["at_us"].to_list() == [1_650_812_741_000_000, 1_650_812_741_436_000]
    assert dataset.interactions["item"].to_list() == [0, 1]
    assert dataset.interactions["value"].to_list() == pytest.approx([61.802, 1.184])
    assert dataset.interactions["positive"].to_list() == [True, False], "a long view, not a click"
    assert dataset.has_impressions


def test_videos_are_items_that_do_not_pretend_to_a_title(dataset):
    assert dict(dataset.items.schema) == ITEMS
    assert dataset.items["title"].to_list() == ["Video 0", "Video 1"]
    assert dataset.items["categories"].to_list() == [["tag 39", "tag 43"], []]
    assert dataset.items["description"].to_list() == ["50 seconds", ""]
    assert dataset.items["released_us"].to_list()[0] == 1_649_548_800_000_000


def test_official_user_columns_stay(dataset):
    assert dataset.users.columns[:4] == ["user", "external_id", "user_active_degree", "register_days"]
    assert dataset.users["user"].to_list() == [5, 6]


def test_a_missing_table_and_a_missing_column_are_named(folder):
    log = folder / "log_standard_4_08_to_4_21_pure.csv"
    log.write_text(log.read_text().replace("long_view", "lang_view"))
    with pytest.raises(DataError, match=r"'long_view' is missing .*4_08_to_4_21"):
        read_kuairand(folder)
    log.unlink()
    (folder / "user_features_pure.csv").unlink()
    with pytest.raises(DataError, match="no table user_features_pure"):
        read_kuairand(folder)


def test_a_torn_archive_is_refused(tmp_path):
    archive = kuairand_archive(tmp_path / "KuaiRand-Pure.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(DataError, match="archive cannot be read"):
        unpack(archive, tmp_path)


@pytest.mark.realdata
def test_the_real_one_is_whole():
    folder = shared_folder("kuairand")
    if folder is None:
        pytest.skip("there is no $SHORTLIST_DATA/kuairand")
    dataset = read_kuairand(folder)
    assert (dataset.items.height, dataset.users.height) == (7_583, 27_285)
    assert set(dataset.interactions["item"].unique()) <= set(dataset.items["item"])
    assert set(dataset.interactions["user"].unique()) <= set(dataset.users["user"])
    assert dataset.interactions["positive"].mean() == pytest.approx(0.311899, abs=1e-6)


def test_impressions_say_what_was_known_and_what_came_of_it(folder):
    first, second = impressions(folder).to_dicts()
    assert (first["user"], first["item"], first["tab"], first["hour"]) == (5, 0, 0, 23), "23:05 in Beijing"
    assert (first["tags"], first["tag"], first["length"], first["seconds"]) == (["39", "43"], "39", 17, 49.866)
    assert (first["active"], first["onehot_feat0"], first["onehot_feat17"]) == ("full_active", 1, None)
    assert [first[name] for name in OUTCOMES] == [0, 1, 1.0]
    assert [second[name] for name in OUTCOMES] == [1, 0, 0.0], "of a video of unknown length no share is known"
    assert (second["tag"], second["length"], second["music_type"]) == (None, None, None)
    assert midnight_us(4, 25) - first["at_us"] == (54 * 60 + 19) * 1_000_000
