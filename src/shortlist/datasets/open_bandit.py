"""Open Bandit, the small sample: two logged policies over 80 fashion items in three places, with their propensities.

Read from the data files inside the wheel of ``obp``, which is neither installed nor imported. A row is one place of one
page: what stood there, with which chance, and whether it was clicked. ``random`` shows every item alike; ``bts`` is
Bernoulli Thompson sampling, whose published prior is in the wheel too.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shortlist.core.arrays import Float64, Int64
from shortlist.core.errors import DataError
from shortlist.datasets.cache import cache_folder, shared_folder
from shortlist.datasets.fetch import Progress, download_wheel, sha256_of, silent
from shortlist.datasets.known import OPEN_BANDIT

__all__ = ["BanditLog", "OpenBandit", "load_open_bandit", "read_open_bandit"]

_WHEEL = ("obp", "0.4.1", "87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208")
_FILE = "obp-0.4.1-py3-none-any.whl"
_LOG = "obp/dataset/obd/{policy}/all/all.csv"
_PRIOR = "obp/policy/conf/prior_bts.yaml"
_COLUMNS = {"item_id": pl.Int64, "position": pl.Int64, "click": pl.Int64, "propensity_score": pl.Float64}


@dataclass(frozen=True, slots=True, eq=False)
class BanditLog:
    """Rows of one policy, ``(N,)`` each.

    Attributes:
        item: int64, from 0.
        place: int64, from 0.
        click: float64, 0 or 1.
        propensity: float64, P(item at this place) under the policy that served.
    """

    item: Int64
    place: Int64
    click: Float64
    propensity: Float64

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, slots=True, eq=False)
class OpenBandit:
    """Both logs of the campaign "all".

    Attributes:
        random: served uniformly.
        bts: served by Thompson sampling.
        alpha: float64 ``(80,)``, the published prior of the latter: Beta(alpha, beta) an item.
        beta: float64 ``(80,)``.
        places: 3.
    """

    random: BanditLog
    bts: BanditLog
    alpha: Float64
    beta: Float64
    places: int = 3


def load_open_bandit(*, progress: Progress = silent) -> OpenBandit:
    """The wheel in ``$SHORTLIST_DATA/open-bandit/`` or in the cache; else it is fetched and kept there.

    Raises:
        DatasetUnavailable: nobody has it here, and it cannot be fetched.
        DataError: a file is not what it should be.
    """
    shared = shared_folder(OPEN_BANDIT.name)
    if shared is not None and (shared / _FILE).is_file():
        return read_open_bandit(shared / _FILE)
    kept = cache_folder() / OPEN_BANDIT.name / _FILE
    if not kept.is_file() or sha256_of(kept) != _WHEEL[2]:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            package, version, sha256 = _WHEEL
            wheel = download_wheel(package, version, Path(folder), sha256=sha256, progress=progress)
            shutil.move(wheel, kept)
    return read_open_bandit(kept)


def read_open_bandit(path: Path) -> OpenBandit:
    """Read the data files of the wheel.

    Raises:
        DataError: it is not a zip, lacks a file, or a row is not a row of the log.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            logs = {policy: wheel.read(_LOG.format(policy=policy)) for policy in ("random", "bts")}
            prior = wheel.read(_PRIOR).decode()
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise DataError(
            f"the wheel cannot be read: {error}", where=str(path), fix="use obp 0.4.1 as published"
        ) from None
    alpha, beta = (_listed(prior, name, path) for name in ("alpha", "beta"))
    random, bts = (_log(logs[policy], len(alpha), path) for policy in ("random", "bts"))
    return OpenBandit(random, bts, alpha, beta)


def _log(csv: bytes, items: int, path: Path) -> BanditLog:
    try:
        rows = pl.read_csv(csv, columns=list(_COLUMNS), schema_overrides=_COLUMNS)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"a log cannot be read: {error}", where=str(path), fix="use obp 0.4.1 as published") from None
    log = BanditLog(
        item=rows["item_id"].to_numpy(),
        place=rows["position"].to_numpy() - 1,
        click=rows["click"].cast(pl.Float64).to_numpy(),
        propensity=rows["propensity_score"].to_numpy(),
    )
    whole = len(rows) > 0 and sum(rows.null_count().row(0)) == 0
    if (
        not whole
        or not 0 <= log.item.min() <= log.item.max() < items
        or not 0 <= log.place.min() <= log.place.max() < 3
        or not ((log.propensity > 0.0) & (log.propensity <= 1.0)).all()
        or not np.isin(log.click, (0.0, 1.0)).all()
    ):
        raise DataError("a row is not a row of the log", where=str(path), fix="use obp 0.4.1 as published")
    return log


def _listed(prior: str, name: str, path: Path) -> Float64:
    """The numbers of ``all: name:`` in the prior's YAML, which is lists of numbers and nothing else."""
    lines = iter(prior.splitlines())
    found: list[float] = []
    inside = at = False
    for line in lines:
        text = line.strip()
        if text.endswith(":"):
            inside = (text == "all:") if not line.startswith(" ") else inside
            at = inside and text == f"{name}:"
        elif at and text.startswith("- "):
            found.append(float(text[2:]))
    if not found:
        raise DataError(f"the prior has no {name}", where=str(path), fix="use obp 0.4.1 as published")
    return np.array(found)
