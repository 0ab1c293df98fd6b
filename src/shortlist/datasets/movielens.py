"""MovieLens 100K, out of the zip that GroupLens publishes or out of a wheel that carries the same tables.

Both give the same data set: titles with the article in front and without the year, which is kept as ``released_us``
(its 1 January) and in the description; genres as categories; a rating of 4 or 5 stars is a positive.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from shortlist.core.clock import SECOND_US
from shortlist.core.errors import DataError, DatasetUnavailable
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.datasets.fetch import Progress, download, download_wheel
from shortlist.datasets.known import MOVIELENS

__all__ = ["POSITIVE_STARS", "fetch_movielens", "read_shared_movielens", "read_wheel", "read_zip", "tidy_title"]

POSITIVE_STARS = 4

_WHEEL = ("recbole", "1.2.1", "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407")
_IN_WHEEL = "recbole/dataset_example/ml-100k/ml-100k."
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_UNKNOWN = {"unknown": "Unknown", "unkonwn": "Unknown"}
_ARTICLES = "The|A|An|Il|La|Le|Les|L'|El|Los|Las|Das|Der|Die|Det|Den|De|O|Un|Une|Una"
_TRAILING_ARTICLE = re.compile(rf"^(?P<rest>.+), (?P<article>{_ARTICLES})$")
_YEAR = re.compile(r"\s*\((?P<year>\d{4})\)(?:\s*\(V\))?$")


def fetch_movielens(progress: Progress) -> Dataset:
    """Fetch and read it: from GroupLens; if that cannot be reached, from the package index.

    Raises:
        DatasetUnavailable: neither can be reached.
    """
    with tempfile.TemporaryDirectory(prefix="shortlist-") as temporary:
        folder = Path(temporary)
        target = folder / "ml-100k.zip"
        try:
            download(MOVIELENS.url, target, sha256=MOVIELENS.sha256, progress=progress)
            return read_zip(target)
        except DatasetUnavailable as unreachable:
            try:
                package, version, sha256 = _WHEEL
                return read_wheel(download_wheel(package, version, folder, sha256=sha256, progress=progress))
            except DatasetUnavailable as error:
                raise DatasetUnavailable(
                    f"MovieLens 100K is not in the cache, and cannot be fetched: {unreachable.what}; {error.what}",
                    where=MOVIELENS.url,
                    fix="run 'shortlist data get movielens' once with a network, or put ml-100k.zip into "
                    "$SHORTLIST_DATA/movielens/",
                ) from None


def read_shared_movielens() -> Dataset | None:
    """Read ``$SHORTLIST_DATA/movielens/ml-100k.zip`` if it is there."""
    folder = shared_folder(MOVIELENS.name)
    if folder is None or not (folder / "ml-100k.zip").is_file():
        return None
    return read_zip(folder / "ml-100k.zip")


def read_zip(path: Path) -> Dataset:
    """Read the official zip.

    Raises:
        DataError: it is not a zip, or lacks a file.
    """
    ratings = _table(path, "ml-100k/u.data", "\t", ("user_id", "item_id", "rating", "timestamp"))
    films = _table(path, "ml-100k/u.item", "|", ("item_id", "title", "date", "video_date", "address", *_GENRES))
    people = _table(path, "ml-100k/u.user", "|", ("user_id", "age", "gender", "occupation", "zip_code"))
    titles = films["title"].to_list()
    return _dataset(
        item=films["item_id"].to_list(),
        titles=[_UNKNOWN.get(title, _YEAR.sub("", title)) for title in titles],
        years=[match["year"] if match else "" for match in map(_YEAR.search, titles)],
        genres=[[n for n in _GENRES[1:] if row[n] == "1"] for row in films.select(_GENRES).iter_rows(named=True)],
        people=people,
        ratings=ratings,
    )


def read_wheel(path: Path) -> Dataset:
    """Read the data files inside the wheel of recbole, which is itself neither installed nor imported.

    Raises:
        DataError: it is not a zip, or lacks a file.
    """
    ratings = _table(path, _IN_WHEEL + "inter", "\t", ("user_id", "item_id", "rating", "timestamp"), header=True)
    films = _table(path, _IN_WHEEL + "item", "\t", ("item_id", "title", "year", "genres"), header=True)
    people = _table(path, _IN_WHEEL + "user", "\t", ("user_id", "age", "gender", "occupation", "zip_code"), header=True)
    titles, years = [], []
    for title, year in films.select("title", "year").iter_rows():
        # Its makers cut the last bracket off each title; of a film made for video, that bracket was "(V)".
        match = _YEAR.search(title)
        titles.append(_UNKNOWN.get(title, _YEAR.sub("", title)))
        years.append(match["year"] if match else year if year.isdigit() else "")
    genres = [[name for name in names.split() if name != "unknown"] for names in films["genres"]]
    return _dataset(
        item=films["item_id"].to_list(), titles=titles, years=years, genres=genres, people=people, ratings=ratings
    )


def tidy_title(title: str) -> str:
    """A title with its articles in front.

    Example:
        >>> tidy_title("Usual Suspects, The")
        'The Usual Suspects'
        >>> tidy_title("Horseman on the Roof, The (Hussard sur le toit, Le)")
        'The Horseman on the Roof (Le Hussard sur le toit)'
    """
    parts = re.split(r"(\s*[()]\s*)", " ".join(title.split()))
    return "".join(_article_first(part) for part in parts).strip()


def _article_first(title: str) -> str:
    match = _TRAILING_ARTICLE.match(title)
    if match is None:
        return title
    gap = "" if match["article"].endswith("'") else " "
    return f"{match['article']}{gap}{match['rest']}"


def _describe(genres: Sequence[str], year: str) -> str:
    return " ".join(part for part in (", ".join(genres), f"({year})" if year else "") if part)


def _year_us(year: str) -> int | None:
    return int(datetime(int(year), 1, 1, tzinfo=UTC).timestamp()) * SECOND_US if year else None


def _dataset(
    *,
    item: Sequence[str],
    titles: Sequence[str],
    years: Sequence[str],
    genres: Sequence[Sequence[str]],
    people: pl.DataFrame,
    ratings: pl.DataFrame,
) -> Dataset:
    items = pl.DataFrame(
        {
            "item": [int(key) for key in item],
            "external_id": item,
            "title": [tidy_title(title) for title in titles],
            "description": [_describe(names, year) for names, year in zip(genres, years, strict=True)],
            "categories": genres,
            "brand": [""] * len(item),
            "price_micros": [None] * len(item),
            "released_us": [_year_us(year) for year in years],
        },
        schema=ITEMS,
    )
    users = people.select(
        pl.col("user_id").cast(USERS["user"]).alias("user"),
        pl.col("user_id").alias("external_id"),
        pl.col("age").cast(pl.Int32),
        "gender",
        "occupation",
        "zip_code",
    )
    stars = pl.col("rating").cast(INTERACTIONS["value"])
    interactions = ratings.select(
        pl.col("user_id").cast(INTERACTIONS["user"]).alias("user"),
        pl.col("item_id").cast(INTERACTIONS["item"]).alias("item"),
        (pl.col("timestamp").cast(INTERACTIONS["at_us"]) * SECOND_US).alias("at_us"),
        stars.alias("value"),
        (stars >= POSITIVE_STARS).alias("positive"),
    )
    return Dataset(
        name=MOVIELENS.name,
        kind="ratings",
        items=items.sort("item"),
        users=users.sort("user"),
        interactions=interactions.sort("at_us", "user", "item"),
        judgements=pl.DataFrame(schema=JUDGEMENTS),
        positive_means=f"rated {POSITIVE_STARS} or 5 of 5 stars",
        licence=MOVIELENS.licence,
    )


def _table(path: Path, member: str, separator: str, columns: Sequence[str], *, header: bool = False) -> pl.DataFrame:
    """One table of text out of a zip, every column as text."""
    try:
        with zipfile.ZipFile(path) as archive:
            raw = archive.read(member)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise DataError(
            f"there is no {member} to be read: {error}", where=str(path), fix="fetch the file again"
        ) from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return pl.read_csv(
        io.StringIO(text),
        separator=separator,
        has_header=header,
        new_columns=list(columns),
        infer_schema=False,
        quote_char=None,
    )
