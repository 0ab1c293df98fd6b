"""The split of the retrieval literature: each user's last positives are held out. It leaks the future."""

from __future__ import annotations

import polars as pl

__all__ = ["last_positives"]


def last_positives(
    interactions: pl.DataFrame, *, share: float = 0.2, least: int = 5
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each user's last ``share`` of positives (floor, at least 1) against everything that is left of the positives.

    Learning from the rest means learning from what *other* users did after the moment of the test, which no server
    can: figures on this split flatter, and serve to compare with papers only. A user with fewer than ``least``
    positives has nothing held out. An item that a user liked more than once counts by the first time.

    Args:
        interactions: schema ``INTERACTIONS``.
        share: of a user's positives.
        least: positives that a user must have.

    Returns:
        What may be learned from, and what is held out; both sorted by user, time and item.

    Example:
        >>> from shortlist.datasets.dataset import INTERACTIONS
        >>> rows = [(1, item, 10 - item, 5.0, True) for item in range(6)] + [(2, 1, 0, 5.0, True)]
        >>> rest, held_out = last_positives(pl.DataFrame(rows, schema=INTERACTIONS, orient="row"))
        >>> held_out["item"].to_list(), rest["item"].to_list()
        ([0], [5, 4, 3, 2, 1, 1])
    """
    ordered = interactions.filter(pl.col("positive")).sort(["user", "at_us", "item"])
    ordered = ordered.unique(["user", "item"], keep="first", maintain_order=True)
    count, place = pl.len().over("user").cast(pl.Int64), pl.int_range(pl.len()).over("user")
    n_held = pl.max_horizontal((count * share).floor().cast(pl.Int64), pl.lit(1, dtype=pl.Int64))
    split = ordered.with_columns(((count >= least) & (place >= count - n_held)).alias("held_out"))
    rest, held_out = (split.filter(pl.col("held_out") == wanted).drop("held_out") for wanted in (False, True))
    return rest, held_out
