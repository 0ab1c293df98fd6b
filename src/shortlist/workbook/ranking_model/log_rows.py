"""A release's log as rows for every ranker: ids as they are, and counts and rates as of just before each event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Array, Float32, Int64
from shortlist.core.errors import NotFound
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import padded_categories
from shortlist.features.hashing import pair_keys
from shortlist.features.target_statistics import TargetStatistics, smoothed_rate
from shortlist.funnel.engine import Engine
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import IdList, InputSizes
from shortlist.training.evaluate import HISTORY_FILE

__all__ = ["LogRows", "log_rows"]

ROWS_AT_MOST = 12_000
LATER, JUDGED = 0.1, 0.2
PRIOR = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class LogRows:
    """The last events of a log, in time.

    Attributes:
        inputs: by set of features, then by name. "ids": the user, and the item with its categories; "numbers": the
            same with counts and rates.
        sizes: of each set.
        label: float32 ``(N,)``, was it liked?
        user: int64 ``(N,)``.
        later: the first row that stops a training.
        judged: the first row that a model is judged by.
    """

    inputs: Mapping[str, Mapping[str, Array]]
    sizes: Mapping[str, InputSizes]
    label: Float32
    user: Int64
    later: int
    judged: int

    def part(self, features: str, start: int, end: int | None) -> InputRows:
        """Rows from ``start`` up to ``end`` with one set of features; each row is a request of its own."""
        inputs = {name: values[start:end] for name, values in self.inputs[features].items()}
        inputs["request_index"] = inputs["request_index"] - start
        return InputRows(self.sizes[features], inputs, self.label[start:end])


def log_rows(engine: Engine) -> LogRows:
    """The last 12,000 events of the log that the release came with.

    Users and items have ids where they are met before the judged rows; to those that are not, the id is 0.

    Raises:
        NotFound: the release holds no log, or one of a single kind of outcome.
    """
    path = engine.release.folder / HISTORY_FILE
    fix = "train the release on a data set with users, times, likes and dislikes"
    if not path.is_file():
        raise NotFound("this release holds no log", where=HISTORY_FILE, fix=fix)
    log = pl.read_parquet(path).sort(["at_us", "user", "item"])
    user, at, liked = log["user"].to_numpy(), log["at_us"].to_numpy(), log["positive"].to_numpy().astype(np.float32)
    item = engine.catalogue.rows(log["item"].to_numpy())
    last = slice(max(len(log) - ROWS_AT_MOST, 0), None)
    rows = len(liked[last])
    judged = int((1 - JUDGED) * rows)
    if not all(0 < part.mean() < 1 for part in (liked[last][:judged], liked[last][judged:])):
        raise NotFound("this release's log has one kind of outcome only", where=HISTORY_FILE, fix=fix)
    known = np.unique(user[last][:judged])
    number = np.searchsorted(known, user[last])
    held = (number < len(known)) & (known[np.minimum(number, len(known) - 1)] == user[last])
    categories = padded_categories(
        engine.catalogue.category_matrix, longest=int(engine.catalogue.category_matrix.sum(axis=1).max(initial=0.0))
    )
    met = np.isin(item[last], np.unique(item[last][:judged]))
    ids = {
        "request_ids": np.where(held, number + 1, 0)[:, None],
        "request_index": np.arange(rows),
        "candidate_ids": np.where(met, item[last], 0)[:, None],
        "candidate_list_0": categories[item[last]],
    }
    of_user, of_item = _counted(user, at, liked, last), _counted(item, at, liked, last)
    of_pair = _by_category(user, categories[item], at, liked, last)
    sizes = InputSizes(
        request_ids=(len(known) + 1,),
        candidate_ids=(len(engine.catalogue),),
        candidate_lists=(IdList(length=categories.shape[1], size=_kinds(engine.catalogue)),),
    )
    numbers = {"request_dense": of_user, "candidate_dense": np.concatenate([of_item, of_pair[:, None]], axis=1)}
    return LogRows(
        inputs={"ids": ids, "numbers": ids | numbers},
        sizes={
            "ids": sizes,
            "numbers": InputSizes(
                request_dense=2,
                request_ids=sizes.request_ids,
                candidate_dense=3,
                candidate_ids=sizes.candidate_ids,
                candidate_lists=sizes.candidate_lists,
            ),
        },
        label=liked[last],
        user=user[last],
        later=int((1 - JUDGED - LATER) * rows),
        judged=judged,
    )


def _kinds(catalogue: Catalogue) -> int:
    return len(catalogue.categories) + 1


def _counted(key: Int64, at: Int64, liked: Float32, last: slice) -> Float32:
    """Smoothed rate and log count of each row's key as of just before it, ``(N, 2)``."""
    met, total = TargetStatistics(key, at, liked[:, None]).before(key[last], at[last])
    return np.stack([smoothed_rate(met, total[:, 0], liked.mean(), PRIOR), np.log1p(met)], axis=1).astype(np.float32)


def _by_category(user: Int64, categories: Int64, at: Int64, liked: Float32, last: slice) -> Float32:
    """The user's smoothed rate of each category of the row's item, their mean ``(N,)``: a cross made by hand."""
    key = np.where(categories > 0, pair_keys(np.repeat(user[:, None], categories.shape[1], axis=1), categories), -1)
    row, place = np.nonzero(key >= 0)
    known = TargetStatistics(key[row, place], at[row], liked[row][:, None])
    of_last = key[last]
    row, place = np.nonzero(of_last >= 0)
    met, total = known.before(of_last[row, place], at[last][row])
    rate = smoothed_rate(met, total[:, 0], liked.mean(), PRIOR)
    n = np.bincount(row, minlength=len(of_last))
    mean = np.bincount(row, weights=rate, minlength=len(of_last)) / np.maximum(n, 1)
    return np.where(n > 0, mean, liked.mean()).astype(np.float32)
