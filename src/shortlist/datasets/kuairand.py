"""KuaiRand-Pure: videos shown to people of the Kuaishou app, and what they did, as Parquet or CSV in official columns.

A positive is a long view (``long_view``): the one signal that means the same in every tab of the app, where a click
does not (in a feed that plays by itself there is nothing to click). The logs of the recommender's own pages are
read (``log_standard_*``), not the randomly exposed ones. The source holds no titles.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import polars as pl

from shortlist.core.errors import DataError, DatasetUnavailable
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.dataset import INTERACTIONS, ITEMS, JUDGEMENTS, USERS, Dataset
from shortlist.datasets.fetch import Progress, download
from shortlist.datasets.known import KUAIRAND

__all__ = ["fetch_kuairand", "read_kuairand", "read_shared_kuairand", "read_table", "table_paths", "unpack"]

_LOG: dict[str, pl.DataType] = dict.fromkeys(
    ("user_id", "video_id", "time_ms", "long_view", "play_time_ms"), pl.Int64()
)
_VIDEO: dict[str, pl.DataType] = {
    **dict.fromkeys(("video_id", "author_id"), pl.Int64()),
    **dict.fromkeys(("upload_dt", "tag"), pl.String()),
    "video_duration": pl.Float64(),
}


def fetch_kuairand(progress: Progress) -> Dataset:
    """Fetch the official archive and read the tables inside.

    Raises:
        DatasetUnavailable: it cannot be reached.
        DataError: it is not as its makers describe it.
    """
    with tempfile.TemporaryDirectory(prefix="shortlist-") as temporary:
        folder = Path(temporary)
        archive = folder / "KuaiRand-Pure.tar.gz"
        try:
            download(KUAIRAND.url, archive, sha256=KUAIRAND.sha256, progress=progress)
        except DatasetUnavailable as error:
            raise DatasetUnavailable(
                f"KuaiRand-Pure is not in the cache, and cannot be fetched: {error.what}",
                where=KUAIRAND.url,
                fix="put its log_standard_*_pure, user_features_pure and video_features_basic_pure tables, CSV or "
                "Parquet, into $SHORTLIST_DATA/kuairand/",
            ) from None
        unpack(archive, folder)
        return read_kuairand(folder)


def read_shared_kuairand() -> Dataset | None:
    """Read ``$SHORTLIST_DATA/kuairand/`` if it is there."""
    folder = shared_folder(KUAIRAND.name)
    return None if folder is None else read_kuairand(folder)


def unpack(archive: Path, folder: Path) -> None:
    """Put the archive's tables, whatever folder they lie in, into ``folder``.

    Raises:
        DataError: it is not such an archive.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                source = tar.extractfile(member) if member.isfile() and name.endswith("_pure.csv") else None
                if source is not None:
                    (folder / name).write_bytes(source.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"the archive cannot be read: {error}", where=str(archive), fix="fetch it again") from None


def read_kuairand(folder: Path) -> Dataset:
    """Read the tables of a folder.

    Raises:
        DataError: a table or a column is missing.
    """
    log = pl.concat([read_table(path, _LOG) for path in table_paths(folder, "log_standard_*_pure")], how="vertical")
    videos = read_table(table_paths(folder, "video_features_basic_pure")[0], _VIDEO)
    users = read_table(table_paths(folder, "user_features_pure")[0], {"user_id": pl.Int64()}, rest=True)
    seconds = pl.col("video_duration").fill_null(0.0).truediv(1_000.0).round().cast(pl.Int64)
    tags = pl.col("tag").fill_null("")
    items = videos.select(
        pl.col("video_id").alias("item"),
        pl.col("video_id").cast(pl.String).alias("external_id"),
        pl.format("Video {}", "video_id").alias("title"),
        pl.when(seconds > 0).then(pl.format("{} seconds", seconds)).otherwise(pl.lit("")).alias("description"),
        pl.when(tags == "")
        .then(pl.lit([], dtype=ITEMS["categories"]))
        .otherwise(tags.str.split(",").list.eval(pl.format("tag {}", pl.element())))
        .alias("categories"),
        pl.format("author {}", "author_id").alias("brand"),
        pl.lit(None, dtype=ITEMS["price_micros"]).alias("price_micros"),
        pl.col("upload_dt").str.to_datetime("%Y-%m-%d", time_unit="us").cast(pl.Int64).alias("released_us"),
    )
    interactions = log.select(
        pl.col("user_id").alias("user"),
        pl.col("video_id").alias("item"),
        (pl.col("time_ms") * 1_000).alias("at_us"),
        (pl.col("play_time_ms") / 1_000.0).cast(INTERACTIONS["value"]).alias("value"),
        (pl.col("long_view") == 1).alias("positive"),
    )
    return Dataset(
        name=KUAIRAND.name,
        kind="impressions",
        items=items.sort("item"),
        users=users.select(
            pl.col("user_id").alias("user"),
            pl.col("user_id").cast(USERS["external_id"]).alias("external_id"),
            pl.exclude("user_id"),
        ).sort("user"),
        interactions=interactions.sort("at_us", "user", "item"),
        judgements=pl.DataFrame(schema=JUDGEMENTS),
        positive_means="was shown the video and viewed it long (the app's own long_view signal)",
        licence=KUAIRAND.licence,
    )


def table_paths(folder: Path, stem: str) -> list[Path]:
    """The files of one table of the set, Parquet before CSV.

    Raises:
        DataError: there is none.
    """
    found = sorted(folder.glob(f"{stem}.parquet")) or sorted(folder.glob(f"{stem}.csv"))
    if not found:
        raise DataError(
            f"there is no table {stem} as .parquet or .csv",
            where=str(folder),
            fix=f"put it there; it is published at {KUAIRAND.official}",
        )
    return found


def read_table(path: Path, columns: dict[str, pl.DataType], *, rest: bool = False) -> pl.DataFrame:
    """Some columns of a table as these types.

    Args:
        path: of a Parquet or CSV file.
        columns: that it must have.
        rest: return the other columns too.

    Raises:
        DataError: the file cannot be read, or a column is missing.
    """
    try:
        table = (
            pl.read_parquet(path)
            if path.suffix == ".parquet"
            else pl.read_csv(path, schema_overrides=columns, infer_schema_length=None)
        )
        _need(path, table.columns, columns)
        chosen = table if rest else table.select(list(columns))
        return chosen.with_columns(pl.col(name).cast(kind) for name, kind in columns.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"the table cannot be read: {error}", where=str(path), fix="use the file as it was published"
        ) from None


def _need(path: Path, have: Iterable[str], want: Iterable[str]) -> None:
    missing = sorted(set(want) - set(have))
    if missing:
        raise DataError(f"the column {missing[0]!r} is missing", where=str(path), fix="use the official column names")
