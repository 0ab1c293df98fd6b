"""A log in which a coin decided who was shown something: one table of Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float64, Int64
from shortlist.core.errors import DataError
from shortlist.training.list_log import read_table

__all__ = ["UPLIFT_LOG", "UpliftLog", "read_uplift_log"]

UPLIFT_LOG: dict[str, pl.DataType] = {
    "user": pl.Int64(),
    "shown": pl.Boolean(),
    "place": pl.Int64(),
    "click": pl.Boolean(),
    "converted": pl.Boolean(),
    "simulated": pl.Boolean(),
}
"""``place`` from 1, null where nothing was shown. Beside them any float64 columns ``feature_...``, known before."""

_PREFIX = "feature_"


@dataclass(frozen=True, slots=True, eq=False)
class UpliftLog:
    """``N`` rows.

    Attributes:
        user: int64 ``(N,)``.
        features: float64 ``(N, F)``, in the order of their names.
        names: of the features.
        shown: bool ``(N,)``.
        place: int64 ``(N,)``, 0 where not shown.
        click: bool ``(N,)``.
        converted: bool ``(N,)``.
    """

    user: Int64
    features: Float64
    names: tuple[str, ...]
    shown: Bool
    place: Int64
    click: Bool
    converted: Bool

    def __len__(self) -> int:
        return len(self.user)


def read_uplift_log(path: Path) -> UpliftLog:
    """Read a log; of ``UPLIFT_LOG`` all but ``simulated``.

    Raises:
        DataError: a column is missing or does not fit, there are no features or one is not finite, or something not
            shown was clicked or has a place.
    """
    needed = ("user", "shown", "click", "converted")
    rows = read_table(path, UPLIFT_LOG, needed)
    everything = pl.read_parquet(path)
    names = tuple(sorted(name for name in everything.columns if name.startswith(_PREFIX)))
    where = str(path)
    if not names:
        raise DataError("there are no features", where=where, fix=f"give float columns named {_PREFIX}...")
    read_table(path, dict.fromkeys(names, pl.Float64()), names)
    if "place" not in everything.columns or everything["place"].dtype != pl.Int64:
        raise DataError("column 'place' is missing or not Int64", where=where, fix="give the place, null if not shown")
    place = everything["place"].fill_null(0).to_numpy()
    shown, click = rows["shown"].to_numpy(), rows["click"].to_numpy()
    placed = everything["place"].is_not_null().to_numpy()
    features = np.ascontiguousarray(everything.select(names).to_numpy())
    if not np.isfinite(features).all():
        raise DataError("a feature is NaN or infinite", where=where, fix="send a finite number for every row")
    if (placed != shown).any() or (place[shown] < 1).any() or (click & ~shown).any():
        raise DataError(
            "what was shown has no place, or what was not has one or a click",
            where=where,
            fix="give a place from 1 to what was shown, null to what was not",
        )
    return UpliftLog(
        user=rows["user"].to_numpy(),
        features=features,
        names=tuple(name.removeprefix(_PREFIX) for name in names),
        shown=shown,
        place=place,
        click=click,
        converted=rows["converted"].to_numpy(),
    )
