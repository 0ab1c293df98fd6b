"""KuaiRand-Pure's impressions with all that was known before each, and what came of it: a table for click models."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import polars as pl

from shortlist.core.errors import DatasetUnavailable
from shortlist.datasets.cache import shared_folder
from shortlist.datasets.known import KUAIRAND
from shortlist.datasets.kuairand import read_table, table_paths

__all__ = ["OUTCOMES", "impressions", "load_impressions", "midnight_us"]

_BEIJING = timezone(timedelta(hours=8))
_HOUR_US = 3_600_000_000

OUTCOMES = ("is_click", "long_view", "played")
"""What came of an impression, in [0, 1]; ``played`` is the share of the video, at most 1."""

_LOG: dict[str, pl.DataType] = dict.fromkeys(
    ("user_id", "video_id", "time_ms", "tab", "is_click", "long_view", "play_time_ms"), pl.Int64()
)
_VIDEO: dict[str, pl.DataType] = {
    **dict.fromkeys(("video_id", "author_id", "music_id"), pl.Int64()),
    **dict.fromkeys(("upload_type", "tag"), pl.String()),
    **dict.fromkeys(("video_duration", "music_type", "server_width", "server_height"), pl.Float64()),
}
_CODES = tuple(f"onehot_feat{k}" for k in range(18))
_COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
_USER: dict[str, pl.DataType] = {
    "user_id": pl.Int64(),
    "user_active_degree": pl.String(),
    **dict.fromkeys(("is_live_streamer", "is_video_author", *_COUNTS), pl.Int64()),
    **dict.fromkeys(_CODES, pl.Float64()),
}


def midnight_us(month: int, day: int) -> int:
    """The beginning of a day of 2022 where the log was written, in microseconds UTC."""
    return int(datetime(2022, month, day, tzinfo=_BEIJING).timestamp()) * 1_000_000


def load_impressions() -> pl.DataFrame:
    """Read ``$SHORTLIST_DATA/kuairand/``; see ``impressions``.

    Raises:
        DatasetUnavailable: it is not there.
        DataError: a table or a column is missing.
    """
    folder = shared_folder(KUAIRAND.name)
    if folder is None:
        raise DatasetUnavailable(
            "KuaiRand-Pure's own tables are not here",
            where="$SHORTLIST_DATA/kuairand",
            fix=f"put its tables of the standard log, of users and of videos there, from {KUAIRAND.official}",
        )
    return impressions(folder)


def impressions(folder: Path) -> pl.DataFrame:
    """One row an impression of the recommender's own pages, by time.

    Known before: ``user``, ``item``, ``at_us``, ``hour`` (0 to 23, Beijing), ``tab`` (the page); of the video
    ``author``, ``music``, ``music_type``, ``upload``, ``tags``, ``tag`` (the first one), ``seconds``, ``length``
    (thirds of a doubling of the seconds, rounded), ``width``, ``height``; of the user ``active`` and the official
    table's numbers and codes, a snapshot of an unknown day. Came of it: ``OUTCOMES``.

    Raises:
        DataError: a table or a column is missing.
    """
    log = pl.concat([read_table(path, _LOG) for path in table_paths(folder, "log_standard_*_pure")], how="vertical")
    videos = read_table(table_paths(folder, "video_features_basic_pure")[0], _VIDEO)
    users = read_table(table_paths(folder, "user_features_pure")[0], _USER)
    seconds = pl.col("video_duration") / 1_000.0
    at_us = pl.col("time_ms") * 1_000
    return (
        log.join(videos, on="video_id", how="left")
        .join(users, on="user_id", how="left")
        .select(
            pl.col("user_id").alias("user"),
            pl.col("video_id").alias("item"),
            at_us.alias("at_us"),
            (at_us.add(8 * _HOUR_US) // _HOUR_US % 24).alias("hour"),
            "tab",
            pl.col("author_id").alias("author"),
            pl.col("music_id").alias("music"),
            pl.col("music_type").cast(pl.Int64),
            pl.col("upload_type").alias("upload"),
            pl.col("tag").str.split(",").alias("tags"),
            pl.col("tag").str.split(",").list.first(),
            seconds.alias("seconds"),
            seconds.clip(1.0).log(2.0).mul(3.0).round().cast(pl.Int64).alias("length"),
            pl.col("server_width").alias("width"),
            pl.col("server_height").alias("height"),
            pl.col("user_active_degree").alias("active"),
            *("is_live_streamer", "is_video_author", *_COUNTS),
            pl.col(_CODES).cast(pl.Int64),
            *("is_click", "long_view"),
            (pl.col("play_time_ms") / pl.col("video_duration"))
            .fill_nan(0.0)
            .fill_null(0.0)
            .clip(0.0, 1.0)
            .alias("played"),
        )
        .sort("at_us", "user", "item")
    )
