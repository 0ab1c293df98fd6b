"""MovieLens: the official zip and the wheel are one data set."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from tests.datasets.worlds import movielens_wheel, movielens_zip

from shortlist.core.errors import DataError, DatasetUnavailable
from shortlist.datasets.dataset import INTERACTIONS, ITEMS
from shortlist.datasets.load import load
from shortlist.datasets.movielens import read_wheel, read_zip, tidy_title


def year_us(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture(params=["zip", "wheel"])
def dataset(request, tmp_path):
    if request.param == "zip":
        return read_zip(movielens_zip(tmp_path / "ml-100k.zip"))
    return read_wheel(movielens_wheel(tmp_path / "data.whl"))


def test_items_are_in_the_schema_and_sorted_by_key(dataset):
    assert dict(dataset.items.schema) == ITEMS
    assert dataset.items["item"].to_list() == [12, 240, 267, 1412]
    assert dataset.items["title"].to_list() == [
        "The Usual Suspects",
        "Les Misérables",
        "Unknown",
        "Land Before Time III",
    ]


def test_years_and_genres_are_kept(dataset):
    facts = {row["item"]: row for row in dataset.items.iter_rows(named=True)}
    assert facts[12]["released_us"] == year_us(1995)
    assert facts[12]["description"] == "Crime, Thriller (1995)"
    assert facts[12]["categories"] == ["Crime", "Thriller"]
    assert facts[1412]["released_us"] == year_us(1995), "a film made for video has a year as well"
    assert facts[267]["released_us"] is None
    assert (facts[267]["categories"], facts[267]["description"]) == ([], "")


def test_ratings_are_ordered_by_time_and_four_stars_are_positive(dataset):
    assert dict(dataset.interactions.schema) == INTERACTIONS
    assert dataset.interactions.rows() == [
        (3, 240, 881_250_948_000_000, 3.0, False),
        (7, 12, 881_250_949_000_000, 4.0, True),
        (7, 267, 881_250_949_000_000, 5.0, True),
    ]
    assert not dataset.has_impressions


def test_what_is_known_of_people_stands_behind_their_key(dataset):
    assert dataset.users.row(0) == (3, "3", 23, "M", "writer", "02215")


@pytest.mark.parametrize(
    ("given", "tidy"),
    [
        ("Enfer, L'", "L'Enfer"),
        ("Convent, The (Convento, O)", "The Convent (O Convento)"),
        ("Good, The Bad and The Ugly, The", "The Good, The Bad and The Ugly"),
        ("Cry, the Beloved Country", "Cry, the Beloved Country"),
        ("Mrs. Brown (Her Majesty, Mrs. Brown)", "Mrs. Brown (Her Majesty, Mrs. Brown)"),
    ],
)
def test_articles_go_in_front(given, tidy):
    assert tidy_title(given) == tidy


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "ml-100k.zip"
    path.write_bytes(b"not a zip")
    with pytest.raises(DataError, match="fetch the file again"):
        read_zip(path)
    with pytest.raises(DataError, match=r"ml-100k/u\.data"):
        read_zip(movielens_wheel(tmp_path / "data.whl"))


@pytest.mark.realdata
def test_the_real_one_is_whole():
    try:
        dataset = load("movielens")
    except DatasetUnavailable as error:
        pytest.skip(str(error))
    assert (dataset.items.height, dataset.users.height, dataset.interactions.height) == (1_682, 943, 100_000)
    assert dataset.items["item"].to_list() == list(range(1, 1_683))
    assert dataset.items.filter(pl.col("released_us").is_null())["item"].to_list() == [267]
    assert dataset.items["title"].is_duplicated().sum() > 0, "some films are in it twice"
    assert not dataset.items["title"].str.contains(r", (The|A|An|Les|Das)( \(|$)").any()
    assert dataset.interactions["positive"].mean() == pytest.approx(0.55375)
